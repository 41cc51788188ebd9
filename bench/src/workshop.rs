//! Where everything is: the built programs, the tools of the machine, the folder that outlives a run.

use std::cell::OnceCell;
use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cluster::Cluster;
use crate::failure::{Context, Failure, fail};

/// What the lines share.
pub struct Workshop {
    /// Kept between runs; big, and not under a folder that only root may enter.
    pub folder: PathBuf,
    /// Logs of the processes, by name.
    pub logs: PathBuf,
    /// The programs under test.
    pub binaries: PathBuf,
    cluster: OnceCell<Cluster>,
    user: Option<User>,
}

/// The ordinary user that servers run as where the bench itself is root.
#[derive(Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

impl Workshop {
    /// Prepares the folder (`USHER_BENCH_DIR`, else one below `/var/tmp`) and looks for the built programs beside this one.
    ///
    /// # Errors
    /// When the folder cannot be made or a program is missing.
    pub fn open() -> Result<Self, Failure> {
        let own = env::current_exe().context("own path")?;
        let binaries = own.parent().map(Path::to_owned).unwrap_or_default();
        let who = fs::metadata("/proc/self").context("/proc/self")?.uid();
        let folder = env::var_os("USHER_BENCH_DIR").map_or_else(
            || PathBuf::from(format!("/var/tmp/usher-bench-{who}")),
            PathBuf::from,
        );
        let workshop = Self {
            logs: folder.join("logs"),
            folder,
            binaries,
            cluster: OnceCell::new(),
            user: if who == 0 { Some(User::ordinary()?) } else { None },
        };
        workshop.own_folder(&workshop.folder)?;
        workshop.own_folder(&workshop.logs)?;
        Ok(workshop)
    }

    /// The PostgreSQL cluster, started at the first call.
    ///
    /// # Errors
    /// When it cannot be made or started.
    pub fn cluster(&self) -> Result<&Cluster, Failure> {
        if self.cluster.get().is_none() {
            let cluster = Cluster::start(self)?;
            self.cluster.set(cluster).ok();
        }
        self.cluster.get().ok_or_else(|| fail("no cluster"))
    }

    /// A folder that the ordinary user may write to.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn own_folder(&self, folder: &Path) -> Result<(), Failure> {
        fs::create_dir_all(folder).context(folder.display())?;
        if let Some(user) = self.user {
            chown(folder, Some(user.id), Some(user.group)).context(folder.display())?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).context(folder.display())?;
        }
        Ok(())
    }

    /// A command that runs as an ordinary user even where the bench is root.
    pub fn ordinary(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        if let Some(user) = self.user {
            command.gid(user.group).uid(user.id);
        }
        command
    }

    /// Whether the bench itself is root.
    pub fn is_root(&self) -> bool {
        self.user.is_some()
    }
}

impl User {
    fn ordinary() -> Result<Self, Failure> {
        let users = fs::read_to_string("/etc/passwd").context("/etc/passwd")?;
        let find = |name: &str| {
            let mut fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
            let fields = fields.find(|fields| fields.first() == Some(&name))?;
            Some(Self {
                id: fields.get(2)?.parse().ok()?,
                group: fields.get(3)?.parse().ok()?,
            })
        };
        find("postgres")
            .or_else(|| find("nobody"))
            .ok_or_else(|| fail("neither user postgres nor nobody exists"))
    }
}

/// A port that nothing listens on.
///
/// # Errors
/// When the machine has none.
pub fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("a free port")?;
    Ok(listener.local_addr().context("a free port")?.port())
}

/// A tool of the machine, or what to install for it.
///
/// # Errors
/// When it is not there.
pub fn tool(name: &str, package: &str) -> Result<PathBuf, Failure> {
    let mut folders: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort();
    // the servers' own folders first: a wrapper of the same name in the path may know another version
    folders.splice(0..0, versions.into_iter().rev());
    folders.push(PathBuf::from("/usr/sbin"));
    let found = folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| fail(format!("{name} is missing (Debian: {package})")))
}

/// A runtime of one thread: the load must not take more of the machine than it needs.
///
/// # Errors
/// When the system refuses one.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("a runtime")
}
