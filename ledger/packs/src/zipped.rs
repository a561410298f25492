//! A pack as one file: a zip archive of its files as they are, and of nothing else.
//!
//! What an archive can do beyond that is refused, because it could hide something or do harm: folders
//! and other paths, compression (and with it archives that unfold to more than they are), encryption,
//! comments, the same name twice, and bytes that belong to no file. Whoever has packed a folder by other
//! means unpacks it and checks the folder.

use std::io::{Cursor, Read, Seek, Write};

use ledger_core::hash::Hash;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use crate::check::Refused;
use crate::files::{Files, is_plain};

/// Most files in an archive: more than any pack has.
const FILES_MAX: usize = 16;

/// Writes the archive of these files. It has no times and no owners, so that the same files give the same
/// bytes.
///
/// # Errors
/// Where it would be larger than an archive can be, or cannot be written.
pub fn write(files: &Files, out: impl Write + Seek) -> Result<(), String> {
    let mut archive = ZipWriter::new(out);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o600);
    for (name, bytes) in files {
        archive
            .start_file(name.as_str(), options)
            .map_err(|error| error.to_string())?;
        archive
            .write_all(bytes)
            .map_err(|error| error.to_string())?;
    }
    let mut written = archive.finish().map_err(|error| error.to_string())?;
    written.flush().map_err(|error| error.to_string())
}

/// The files in an archive. No more is held than twice what it has.
///
/// # Errors
/// What of it no pack has.
pub fn read(bytes: Vec<u8>) -> Result<Files, Refused> {
    let refused = |words: String| Refused::unreadable("archive", words);
    let mut archive = ZipArchive::new(Cursor::new(bytes.as_slice()))
        .map_err(|error| refused(error.to_string()))?;
    if archive.len() > FILES_MAX {
        return Err(refused(format!(
            "it has {} files, expected at most {FILES_MAX}",
            archive.len()
        )));
    }
    if !archive.comment().is_empty() {
        return Err(refused("it has a comment, expected none".to_owned()));
    }
    let directory = archive.central_directory_start();
    let mut files = Files::new();
    let mut spans = Vec::new();
    for at in 0..archive.len() {
        let mut file = archive
            .by_index_raw(at)
            .map_err(|error| refused(format!("file {at}: {error}")))?;
        let name = String::from_utf8_lossy(file.name_raw()).into_owned();
        if !is_plain(&name) || !file.is_file() {
            return Err(refused(format!(
                "`{}` is no name of a file in a pack: expected letters, digits, `.`, `-` and `_`",
                name.escape_debug()
            )));
        }
        if file.compression() != CompressionMethod::Stored || file.encrypted() {
            return Err(refused(format!(
                "`{name}` is compressed or encrypted, expected it as it is: unpack the archive and check the folder"
            )));
        }
        let start = file
            .data_start()
            .ok_or_else(|| refused(format!("`{name}` has no place in it")))?;
        let end = start.saturating_add(file.compressed_size());
        spans.push((file.header_start(), end));
        let mut content = Vec::new();
        // It cannot hold more than the archive has.
        file.by_ref()
            .take(bytes.len() as u64)
            .read_to_end(&mut content)
            .map_err(|error| refused(format!("`{name}`: {error}")))?;
        if content.len() as u64 != file.size() || end > directory {
            return Err(refused(format!("`{name}` is not as long as it says")));
        }
        if files.insert(name.clone(), content).is_some() {
            return Err(refused(format!("`{name}` is there twice")));
        }
    }
    // From the first byte to the directory there is one file after the other, and nothing else.
    spans.sort_unstable();
    let mut next = 0;
    for (start, end) in spans {
        if start != next {
            return Err(refused(format!(
                "{} bytes before byte {start} belong to no file",
                start - next
            )));
        }
        next = end;
    }
    if next != directory {
        return Err(refused(format!(
            "bytes {next} to {directory} belong to no file"
        )));
    }
    // Archives can be read in several ways: what another program would show is what was checked only where
    // there is nothing in it that this one does not write.
    let hash = Hash::of(&bytes);
    drop(archive);
    drop(bytes);
    let mut plain = Cursor::new(Vec::new());
    write(&files, &mut plain).map_err(refused)?;
    if Hash::of(plain.get_ref()) != hash {
        return Err(refused(
            "it holds more than its files, or holds them in another way than packs are written: unpack it and check \
             the folder"
                .to_owned(),
        ));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        [
            ("a.json", b"{}\n".as_slice()),
            ("b.html", b"<p>"),
            ("c", b""),
        ]
        .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()))
        .into()
    }

    fn written() -> Vec<u8> {
        let mut archive = Cursor::new(Vec::new());
        write(&files(), &mut archive).unwrap();
        archive.into_inner()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = written();
        assert_eq!(bytes, written());
        assert_eq!(read(bytes).unwrap(), files());
    }

    fn with(options: SimpleFileOptions, name: &str, comment: &str) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file(name, options).unwrap();
        archive.write_all(b"content").unwrap();
        if !comment.is_empty() {
            archive.set_comment(comment.to_owned()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn what_no_pack_has_is_refused() {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        // What another program has packed anew may say other things to other programs.
        let refused = read(with(stored, "fine", "")).unwrap_err().to_string();
        assert!(refused.contains("unpack it"), "{refused}");
        for name in [
            "../up",
            "/root",
            "folder/file",
            "..",
            ".hidden",
            "two words",
            "back\\slash",
        ] {
            let refused = read(with(stored, name, "")).unwrap_err().to_string();
            assert!(refused.contains("no name of a file"), "{name}: {refused}");
        }
        let refused = read(with(stored, "fine", "by the way")).unwrap_err();
        assert!(refused.to_string().contains("comment"), "{refused}");
        let mut folder = ZipWriter::new(Cursor::new(Vec::new()));
        folder.add_directory("folder", stored).unwrap();
        assert!(read(folder.finish().unwrap().into_inner()).is_err());
        for extra in [b"x".as_slice(), &[0; 100]] {
            let before = [extra, &written()].concat();
            assert!(read(before).is_err(), "bytes before the first file");
        }
        let whole = written();
        let other = with(stored, "b.html", "");
        for behind in [
            b"x".as_slice(),
            &[0; 100],
            &other,
            &other[..other.len() - 2],
        ] {
            let after = [&whole, behind].concat();
            assert!(read(after).is_err(), "{} bytes behind it", behind.len());
        }
        assert!(read(Vec::new()).is_err());
        assert!(read(b"PK\x05\x06".to_vec()).is_err());
    }

    #[test]
    fn a_cut_archive_is_refused_wherever_it_is_cut() {
        let whole = written();
        for length in 0..whole.len() {
            assert!(read(whole[..length].to_vec()).is_err(), "{length} bytes");
        }
    }
}
