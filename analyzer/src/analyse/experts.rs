//! Energy per token of dense models and mixtures of experts.

use super::analysis::{Analysis, PerToken};
use super::model_groups::compare_groups;

/// Do mixtures of experts need less energy?
pub(super) const EXPERTS: Analysis = Analysis {
    name: "experts",
    question: "Do mixtures of experts need less energy than dense models?",
    varied: "dense models and mixtures of experts",
    remedy: "energy sweep --model DENSE,MOE --prompt-tokens 128 --repeat 3",
    per: PerToken::Token,
    run: |configurations, per| {
        compare_groups(configurations, per, "architecture", |shape| {
            shape.experts.map(|experts| match experts {
                0 => "dense".to_owned(),
                _ => "experts".to_owned(),
            })
        })
    },
};
