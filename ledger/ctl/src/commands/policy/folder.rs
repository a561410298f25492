//! A policy's folder on disk.

use std::path::Path;

use super::Files;
use crate::failure::{Failure, Problem};

/// Reads every file of a folder, its folders included, by path with `/` between names. What begins
/// with a dot is left out: it is an editor's or git's.
pub(super) fn read(folder: &Path) -> Result<Files, Failure> {
    if folder.is_file() {
        return Err(Failure::usage(format!(
            "`{}` is a file: expected the folder that holds `policy.toml`",
            folder.display()
        )));
    }
    let mut files = Files::new();
    walk(folder, "", &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(Failure::usage(format!(
            "`{}` holds no file: expected a policy's folder",
            folder.display()
        )));
    }
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Files) -> Result<(), Failure> {
    let input = |path: &Path| {
        let path = path.to_owned();
        move |source| Problem::Input { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(input(folder))? {
        let path = entry.map_err(input(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Failure::usage(format!(
                "`{}` has a name that is not UTF-8",
                path.display()
            )));
        };
        if name.starts_with('.') {
            continue;
        }
        let inner = format!("{prefix}{name}");
        if path.is_dir() {
            walk(&path, &format!("{inner}/"), files)?;
        } else {
            let bytes = std::fs::read(&path).map_err(input(&path))?;
            let text = String::from_utf8(bytes).map_err(|_| {
                Failure::usage(format!(
                    "`{}` is not UTF-8 text: expected a policy's file",
                    path.display()
                ))
            })?;
            files.push((inner, text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use std::fs;

    #[test]
    fn every_file_but_hidden_ones_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.toml"), "version = 1\n").unwrap();
        fs::write(folder.path().join(".policy.toml.swp"), "x").unwrap();
        fs::create_dir(folder.path().join("cedar")).unwrap();
        fs::write(folder.path().join("cedar/a.cedar"), "permit").unwrap();
        let expected = [
            ("cedar/a.cedar", "permit"),
            ("policy.toml", "version = 1\n"),
        ];
        assert_eq!(
            read(folder.path()).unwrap(),
            expected.map(|(path, text)| (path.to_owned(), text.to_owned()))
        );
    }

    #[test]
    fn a_folder_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap_err().exit(), Exit::Usage);
        let failure = read(&folder.path().join("none")).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        assert!(failure.to_string().contains("none"), "{failure}");
        fs::write(folder.path().join("policy.toml"), [0xff]).unwrap();
        assert_eq!(read(folder.path()).unwrap_err().exit(), Exit::Usage);
    }
}
