//! Tests of the estimates of experiments.

mod estimates_keep_their_symmetries;
mod estimates_match_references;
mod fronts_match_pairwise_comparison;
mod intervals_contain_the_truth;
mod pairs_of_prompt_tokens_are_used_where_supported;
mod sessions_are_one_sample_of_a_trend;
mod unanswerable_questions_name_the_reason;
