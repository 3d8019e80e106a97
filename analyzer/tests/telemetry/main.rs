//! Energies in collectors of OpenTelemetry and in Prometheus.
#![cfg(feature = "serve")]

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;
#[allow(dead_code, unreachable_pub)]
#[path = "../../../telemetry/tests/receiver/mod.rs"]
mod receiver;
#[allow(dead_code, unreachable_pub)]
#[path = "../server/served.rs"]
mod served;
#[allow(dead_code, unreachable_pub)]
mod tools;

#[cfg(unix)]
mod collectors_receive_spans_and_their_energies;
#[cfg(unix)]
mod followers_send_what_is_recorded;
mod metrics_equal_the_summary;
#[cfg(unix)]
mod prometheus_scrapes_the_server;
mod pushed_spans_equal_the_recording;
