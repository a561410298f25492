//! Tile paths and bytes: the specification's examples and mutants.

use ledger_core::fault::Fault;
use ledger_core::hash::{Hash, leaf_hash};
use ledger_core::tile::{
    TileKind, TileName, decode_bundle, decode_hashes, encode_bundle, encode_hashes,
};

use crate::mutants::refused;

fn name(kind: TileKind, index: u64, width: u16) -> TileName {
    TileName { kind, index, width }
}

#[test]
fn paths_are_those_of_the_specification() {
    for (name, path) in [
        // C2SP tlog-tiles, "Merkle Tree": index 1234067, and a tree of size 256.
        (
            name(TileKind::Hashes(0), 1_234_067, 256),
            "tile/0/x001/x234/067",
        ),
        (name(TileKind::Hashes(0), 0, 256), "tile/0/000"),
        (name(TileKind::Hashes(1), 0, 1), "tile/1/000.p/1"),
        (name(TileKind::Hashes(63), 999, 255), "tile/63/999.p/255"),
        (name(TileKind::Hashes(2), 1000, 256), "tile/2/x001/000"),
        (name(TileKind::Entries, 273, 112), "tile/entries/273.p/112"),
        (
            name(TileKind::Entries, u64::MAX, 256),
            "tile/entries/x018/x446/x744/x073/x709/x551/615",
        ),
    ] {
        assert_eq!(name.to_string(), path);
        assert_eq!(path.parse(), Ok(name));
    }
}

#[test]
fn path_mutants_are_refused() {
    let groups = "an index in groups of three digits, all but the last after an `x`";
    let level = "a level from 0 to 63, or `entries`";
    let width = "a partial width from 1 to 255";
    let zeroes = "numbers without surplus zeroes";
    for (mutation, path, expected) in [
        ("empty", "", "it to start with `tile/`"),
        ("leading-slash", "/tile/0/000", "it to start with `tile/`"),
        ("no-level", "tile/000", "`tile/<level>/<index>`"),
        ("no-index", "tile/0/", groups),
        ("level-64", "tile/64/000", level),
        ("level-256", "tile/256/000", level),
        ("level-with-zero", "tile/00/000", zeroes),
        ("level-with-plus", "tile/+1/000", level),
        ("level-upper-case", "tile/Entries/000", level),
        ("index-of-two-digits", "tile/0/00", groups),
        ("index-of-four-digits", "tile/0/1000", groups),
        ("index-without-x", "tile/0/001/234", groups),
        ("index-with-x-in-the-last-group", "tile/0/x001/x234", groups),
        ("index-with-surplus-group", "tile/0/x000/067", zeroes),
        ("index-with-plus", "tile/0/+01", groups),
        ("index-with-parent", "tile/0/../000", groups),
        (
            "index-is-2-to-64",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
            "an index below 2^64",
        ),
        ("width-0", "tile/0/000.p/0", width),
        ("width-256", "tile/0/000.p/256", width),
        ("width-with-zero", "tile/0/000.p/01", zeroes),
        ("width-empty", "tile/0/000.p/", width),
        ("width-twice", "tile/0/000.p/1.p/1", width),
        ("trailing-slash", "tile/0/000/", groups),
        ("trailing-newline", "tile/0/000\n", groups),
    ] {
        let expected = format!(
            "`{}` is not the path of a tile: expected {expected}",
            path.escape_debug()
        );
        refused(
            mutation,
            path.parse::<TileName>(),
            &expected,
            |_| Fault::Unreadable,
            Fault::Unreadable,
        );
    }
}

#[test]
fn a_tiles_bytes_are_its_hashes_and_nothing_else() {
    let hashes: Vec<Hash> = (0..3_u8).map(|at| leaf_hash(&[at])).collect();
    let bytes = encode_hashes(&hashes);
    assert_eq!(bytes.len(), 96);
    assert_eq!(bytes[32..64], hashes[1].0);
    assert_eq!(decode_hashes(&bytes, 3).unwrap(), hashes);
    for (mutation, bytes, found) in [
        ("truncated", &bytes[..95], 95),
        ("a-hash-missing", &bytes[..64], 64),
        (
            "a-hash-too-many",
            &[bytes.as_slice(), &bytes[..32]].concat(),
            128,
        ),
        ("trailing-byte", &[bytes.as_slice(), &[0]].concat(), 97),
        ("empty", &[], 0),
    ] {
        let expected = format!("expected 96 bytes for a tile of width 3, found {found}");
        refused(
            mutation,
            decode_hashes(bytes, 3),
            &expected,
            |_| Fault::Unreadable,
            Fault::Unreadable,
        );
    }
}

#[test]
fn a_bundle_holds_its_entries_and_nothing_else() {
    let longest = vec![b'x'; 65_535];
    let entries: [&[u8]; 3] = [b"ab", b"", &longest];
    let bytes = encode_bundle(&entries).unwrap();
    assert_eq!(bytes[..8], [0, 2, b'a', b'b', 0, 0, 0xFF, 0xFF]);
    assert_eq!(decode_bundle(&bytes, 3).unwrap(), entries);
    let unreadable = |_: &_| Fault::Unreadable;
    for (mutation, bytes, expected) in [
        (
            "truncated-entry",
            &bytes[..bytes.len() - 1],
            "the bundle ends within entry 2, expected 3 entries",
        ),
        (
            "truncated-length",
            &bytes[..7],
            "the bundle ends within entry 2, expected 3 entries",
        ),
        (
            "an-entry-missing",
            &bytes[..6],
            "the bundle ends within entry 2, expected 3 entries",
        ),
        (
            "empty",
            &[],
            "the bundle ends within entry 0, expected 3 entries",
        ),
        (
            "trailing-byte",
            &[bytes.as_slice(), &[0]].concat(),
            "the bundle has 1 bytes after its 3 entries",
        ),
        (
            "an-entry-too-many",
            &[bytes.as_slice(), &bytes[..4]].concat(),
            "the bundle has 4 bytes after its 3 entries",
        ),
    ] {
        refused(
            mutation,
            decode_bundle(bytes, 3),
            expected,
            unreadable,
            Fault::Unreadable,
        );
    }
    let expected = "entry 1 of the bundle has 65536 bytes, expected at most 65535";
    let too_long = encode_bundle(&[vec![0; 1], vec![0; 65_536]]);
    refused(
        "entry-too-long",
        too_long,
        expected,
        unreadable,
        Fault::Unreadable,
    );
}
