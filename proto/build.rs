//! Generates the types from the `.proto` files, without `protoc`.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "google/rpc/status.proto",
        "ledger/v1/common.proto",
        "ledger/v1/gate.proto",
        "ledger/v1/recorder.proto",
        "ledger/v1/proofs.proto",
        "ledger/v1/query.proto",
        "ledger/v1/control.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost_bytes(&descriptors))?;
    tonic_prost_build::configure()
        .bytes(".")
        // The crate with the standard's error details has its messages already.
        .extern_path(".google.rpc", "::tonic_types::pb")
        .compile_fds(descriptors)?;
    Ok(())
}

fn prost_bytes(descriptors: &impl prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}
