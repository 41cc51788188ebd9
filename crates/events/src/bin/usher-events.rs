//! Writes the contract of events into `proto/usher/events/v1`, for `make events`. An example that becomes another is kept
//! beside it under a number, for what was written once has to be read for ever.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use usher_events::catalog::{files, folder};

fn main() -> io::Result<()> {
    for (path, text) in files() {
        let path = folder().join(path);
        match fs::read_to_string(&path) {
            Ok(there) if there == text => continue,
            Ok(_) if path.parent().is_some_and(|parent| parent.ends_with("examples")) => {
                fs::rename(&path, unused(&path))?;
            }
            _ => {}
        }
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, text)?;
    }
    Ok(())
}

/// The first name that is free of `TYPE.1.json`, `TYPE.2.json` and so on.
fn unused(path: &Path) -> PathBuf {
    let mut number = 1;
    loop {
        let older = path.with_extension(format!("{number}.json"));
        if !older.exists() {
            return older;
        }
        number += 1;
    }
}
