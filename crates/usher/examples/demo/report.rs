//! The table at the end, and whether its figures add up.

use std::fmt::{self, Display, Formatter};
use std::process::ExitCode;
use std::time::Duration;

use crate::import::Import;
use crate::invite::{Batch, Invited};

/// All that is known at the end.
pub struct Report {
    /// The loaded file.
    pub file: String,
    /// What became of its rows.
    pub import: Import,
    /// What became of its people.
    pub invited: Invited,
    /// Mails captured on this machine meanwhile, where any were.
    pub captured: Option<u64>,
    /// For the rows alone.
    pub import_time: Duration,
    /// From the first row to the last mail.
    pub whole_time: Duration,
}

impl Report {
    /// Prints the table; the exit code says whether it adds up.
    #[expect(clippy::print_stdout, reason = "the table is what the demo is for")]
    pub fn conclude(&self) -> ExitCode {
        println!("{self}");
        let wrong: Vec<&str> = self
            .checks()
            .into_iter()
            .filter(|(holds, _)| !holds)
            .map(|(_, sum)| sum)
            .collect();
        for sum in &wrong {
            eprintln!("demo: this does not add up: {sum}");
        }
        if wrong.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn checks(&self) -> Vec<(bool, &'static str)> {
        let Import {
            rows,
            already,
            companies,
            created,
            refused,
            counted,
            ..
        } = &self.import;
        let Invited {
            total,
            eligible,
            left_out,
            batch,
            failed: by_reason,
        } = &self.invited;
        let left_out_count = left_out.values().sum::<u64>();
        let mut checks = vec![
            (
                *rows == already + companies + created + refused.values().sum::<u64>(),
                "rows = already there + companies + contacts created + refused",
            ),
            (
                counted.1 == counted.0 + created,
                "contacts listed afterwards = contacts listed before + created",
            ),
            (*total == counted.1, "preview's total = contacts listed"),
            (
                *total == eligible + left_out_count,
                "preview's total = eligible + left out",
            ),
        ];
        if let Some(Batch {
            total: of_batch,
            sent,
            failed,
            cancelled,
            queued,
            skipped,
            ..
        }) = batch
        {
            let skipped_count = skipped.values().sum::<u64>();
            checks.extend([
                (
                    of_batch == total && skipped == left_out,
                    "the batch = its preview",
                ),
                (
                    *queued == 0 && *of_batch == skipped_count + sent + failed + cancelled,
                    "batch = skipped + sent + failed + cancelled",
                ),
                (
                    *eligible == sent + failed + cancelled,
                    "eligible = sent + failed + cancelled",
                ),
                (
                    *failed == by_reason.values().sum::<u64>(),
                    "failed = the reasons of those who failed",
                ),
                (
                    self.captured.is_none_or(|captured| captured == *sent),
                    "captured mails = mails sent",
                ),
            ]);
        }
        checks
    }
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let import = &self.import;
        let name = self.file.rsplit('/').next().unwrap_or(&self.file);
        line(out, 0, &format!("Rows in {name}"), import.rows)?;
        line(out, 1, "already there from an earlier run", import.already)?;
        line(out, 1, "companies without a person", import.companies)?;
        line(out, 1, "refused", import.refused.values().sum())?;
        for (reason, &count) in &import.refused {
            line(out, 2, reason, count)?;
        }
        line(out, 1, "contacts created", import.created)?;
        line(out, 2, "of these made inactive (former clients)", import.former)?;
        line(
            out,
            2,
            "of these with an unreadable number kept in the notes",
            import.mended,
        )?;
        line(out, 0, "Contacts in the organization", self.invited.total)?;
        line(out, 1, "eligible for an invitation", self.invited.eligible)?;
        line(out, 1, "left out", self.invited.left_out.values().sum())?;
        for (reason, &count) in &self.invited.left_out {
            line(out, 2, reason, count)?;
        }
        line(out, 0, "Mails sent", self.invited.sent())?;
        if let Some(batch) = &self.invited.batch {
            line(out, 1, "failed", batch.failed)?;
            for (reason, &count) in &self.invited.failed {
                line(out, 2, reason, count)?;
            }
            line(out, 1, "cancelled", batch.cancelled)?;
        }
        if let Some(captured) = self.captured {
            line(out, 1, "captured on this machine", captured)?;
        }
        let (import_time, whole) = (self.import_time.as_secs_f64(), self.whole_time.as_secs_f64());
        write!(
            out,
            "Time: {whole:.1} s ({import_time:.1} s for the rows, {:.1} s for the mails)",
            whole - import_time
        )
    }
}

fn line(out: &mut Formatter<'_>, depth: usize, name: &str, count: u64) -> fmt::Result {
    let indent = depth * 2;
    writeln!(out, "{:indent$}{name:<width$}{count:>7}", "", width = 60 - indent)
}
