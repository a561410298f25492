mod commit;
mod damage;
mod reopen;
pub(crate) mod support;
mod wal;
