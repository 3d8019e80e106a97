//! Delivery to a collector over HTTP.

#[allow(dead_code, unreachable_pub, reason = "other crates use this file, too")]
#[path = "../receiver/mod.rs"]
mod receiver;
mod rows;

mod losses_are_counted;
mod requests_are_repeated;
mod sinks_send_priced_spans;
