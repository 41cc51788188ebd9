//! Databases full of contacts, made once and kept under a hash of what they were made by.

use std::fs;
use std::path::Path;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::cluster::{Cluster, files_below};
use crate::failure::{Context, Failure};
use crate::note;
use crate::system::{ALL, Plan};
use crate::workshop::{Workshop, runtime};

/// The repository that this was built from.
const BENCH: &str = env!("CARGO_MANIFEST_DIR");

/// What a database holds.
#[derive(Clone, Copy, Debug)]
pub struct Loaded {
    kind: &'static str,
    /// Organizations, named `bench-1` and so on; each with an administrator of the same credentials.
    pub organizations: usize,
    /// Contacts of each.
    pub contacts: usize,
    /// Whether the contacts stand at every step of the way in; otherwise all wait for their invitation.
    mixed: bool,
}

impl Loaded {
    /// Schemas and an administrator.
    pub const EMPTY: Self = Self {
        kind: "empty",
        organizations: 0,
        contacts: 0,
        mixed: false,
    };
    /// A million contacts in ten organizations, at every step of the way in.
    pub const MILLION: Self = Self {
        kind: "million",
        organizations: 10,
        contacts: 100_000,
        mixed: true,
    };
    /// An organization of 100,000 waiting contacts for every round and the warm-up, and one for whatever happens beside.
    pub const HUNDRED: Self = Self {
        kind: "hundred",
        organizations: crate::measure::ROUNDS + 2,
        contacts: 100_000,
        mixed: false,
    };
    /// An organization of 20,000 waiting contacts for every round and the warm-up.
    pub const WAITING: Self = Self {
        kind: "waiting",
        organizations: crate::measure::ROUNDS + 1,
        contacts: 20_000,
        mixed: false,
    };

    /// The database itself, for lines that only read.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn database(&self, workshop: &Workshop) -> Result<String, Failure> {
        let cluster = workshop.cluster()?;
        let name = format!("usher_{}_{}", self.kind, hash()?);
        if cluster.has(&name)? {
            return Ok(name);
        }
        self.forget_others(cluster)?;
        note(&format!(
            "loading {self:?}; it is kept in {}",
            workshop.folder.display()
        ));
        let started = Instant::now();
        // under another name until it is whole
        let draft = format!("{name}_draft");
        cluster.create(&draft, None)?;
        self.load(workshop, cluster, &draft)?;
        cluster.query("postgres", &format!("alter database {draft} rename to {name}"))?;
        note(&format!("loaded in {:.0} s", started.elapsed().as_secs_f64()));
        Ok(name)
    }

    /// A copy of it that a line may change and has to drop.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn copy(&self, workshop: &Workshop, name: &str) -> Result<String, Failure> {
        let template = self.database(workshop)?;
        workshop.cluster()?.create(name, Some(&template))?;
        Ok(name.to_owned())
    }

    fn load(&self, workshop: &Workshop, cluster: &Cluster, database: &str) -> Result<(), Failure> {
        let plan = Plan {
            workshop,
            database: cluster.url(database),
            smtp: None,
            settings: Vec::new(),
        };
        plan.migrate()?;
        // the first start makes the organization and the administrator that the others are copied from
        drop(plan.start(&runtime()?, &ALL)?);
        let variables = [
            ("organizations", self.organizations.to_string()),
            ("contacts", self.contacts.to_string()),
            ("mixed", self.mixed.to_string()),
        ];
        let sql = Path::new(BENCH).join("sql");
        for file in [
            "names.sql",
            "organizations.sql",
            "contacts.sql",
            "invitations.sql",
        ] {
            cluster.run(database, &sql.join(file), &variables)?;
        }
        cluster.settle(database)
    }

    /// Drops what older migrations or generators made of the same kind.
    fn forget_others(&self, cluster: &Cluster) -> Result<(), Failure> {
        let kind = self.kind;
        let sql = format!("select datname from pg_database where datname like 'usher\\_{kind}\\_%'");
        cluster
            .query("postgres", &sql)?
            .lines()
            .try_for_each(|old| cluster.drop_database(old))
    }
}

/// Of everything that decides what the tables hold: migrations, generator, and this file.
fn hash() -> Result<String, Failure> {
    let bench = Path::new(BENCH);
    let mut files = files_below(&bench.join("../migrations/src"), &["rs", "sql"])?;
    files.extend(files_below(&bench.join("sql"), &["sql"])?);
    files.push(bench.join("src/loaded.rs"));
    let mut hasher = Sha256::new();
    for file in files {
        hasher.update(fs::read(&file).context(file.display())?);
    }
    let digest = hasher.finalize();
    Ok(digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}
