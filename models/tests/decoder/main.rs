//! Tests of the decoder through the public interface, as one binary: each module states
//! one property.

#[allow(unreachable_pub, dead_code)]
#[path = "../family/mod.rs"]
mod family;

mod caches_keep_what_layers_attend_to;
mod captured_operations_compute_what_the_model_computed;
mod chat_templates_match_jinja2;
mod damaged_gguf_files_give_one_clear_error;
mod decoder_matches_candles_llama;
mod device_times_reach_their_spans;
mod experts_are_chosen_by_the_router;
mod families_match_their_references;
mod files_are_checked_completely;
mod folders_match_their_files;
mod generation_stops_for_the_stated_reason;
mod mechanisms_have_their_spans;
mod observed;
mod prompts_of_a_batch_answer_alone;
mod real_models_match_llama_cpp;
mod scores_match_transformers;
mod sentencepiece_vocabularies_merge_by_score;
mod settings_of_tokenizer_files_are_used_or_dropped;
mod spans_form_the_documented_tree;
mod table_of_families;
mod tiny_models;
mod unusual_files_are_read_or_named;
mod vocabularies_match_their_references;
