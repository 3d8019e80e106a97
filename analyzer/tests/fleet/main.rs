//! Packs of totals: pushed, pulled, compacted, pruned.

#[allow(dead_code, unreachable_pub)]
#[path = "../fixture/mod.rs"]
mod fixture;

#[cfg(feature = "buckets")]
mod buckets_survive_faulty_stores;
mod compacted_days_keep_every_row;
mod growing;
mod killed_pushes_write_the_same_objects;
mod lake;
mod packs_hold_every_nanojoule_once;
mod prune_spares_unsent_runs;
mod pulled_runs_equal_their_recordings;
mod pushers_share_a_recording;
mod requests_and_spans_of_a_recorder;
mod runs_are_sent_in_buckets;
