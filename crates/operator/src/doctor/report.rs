//! The lines of a report, written as they are found out.

use std::io::Write;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Works, and could be better or could not be looked at.
    Warning,
    /// Something will not work.
    Failure,
}

/// What one check found, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub verdict: Verdict,
    pub text: String,
}

impl Finding {
    pub fn good(text: impl Into<String>) -> Self {
        Self::new(Verdict::Good, text)
    }

    pub fn warning(text: impl Into<String>) -> Self {
        Self::new(Verdict::Warning, text)
    }

    pub fn failure(text: impl Into<String>) -> Self {
        Self::new(Verdict::Failure, text)
    }

    fn new(verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            verdict,
            text: text.into(),
        }
    }
}

/// Counts and prints what was found.
#[derive(Debug, Default)]
pub struct Report {
    checks: usize,
    failures: usize,
}

impl Report {
    /// One line: how it is, what was looked at, what was found.
    pub fn add(&mut self, what: &str, finding: &Finding) {
        self.checks += 1;
        let verdict = match finding.verdict {
            Verdict::Good => "ok",
            Verdict::Warning => "warn",
            Verdict::Failure => {
                self.failures += 1;
                "fail"
            }
        };
        // whoever reads over a closed pipe still gets the exit code
        writeln!(std::io::stdout(), "{verdict:4}  {what:11}  {}", finding.text).ok();
    }

    /// None where nothing failed.
    pub fn summary(&self) -> Option<String> {
        (self.failures > 0).then(|| format!("{} of {} checks failed", self.failures, self.checks))
    }
}
