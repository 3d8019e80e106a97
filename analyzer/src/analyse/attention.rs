//! Energy per token by the kind of attention.

use super::analysis::{Analysis, PerToken};
use super::model_groups::compare_groups;

/// Does the kind of attention matter?
pub(super) const ATTENTION: Analysis = Analysis {
    name: "attention",
    question: "Do models with multi-head, grouped-query or multi-query attention need less energy?",
    varied: "models with different attention",
    remedy: "energy sweep --model MHA,GQA,MQA --prompt-tokens 512 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        compare_groups(configurations, per, "attention", |shape| {
            shape.attention.clone()
        })
    },
};
