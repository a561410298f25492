//! The gRPC interface of Agent Ledger, package `ledger.v1`, how codes and times are written in it,
//! and what a batch holds.
//!
//! The `.proto` files beside this crate are the reference: every field has its unit, its limit and who
//! sets it there.

pub mod batch;
pub mod code;
pub mod time;

/// Package `ledger.v1`.
pub mod v1 {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::all,
        clippy::pedantic,
        reason = "generated from the .proto files"
    )]
    tonic::include_proto!("ledger.v1");
}

/// The encoded `FileDescriptorSet` of the package, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
