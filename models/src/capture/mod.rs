//! Single operations of a model, kept so that they can be run again.
//!
//! A power sensor is slower than one operation, so the power of an operation
//! can be read only while it runs over and over. [`capture`] feeds one prefill
//! and one decode step and keeps, for every span without children, the work
//! inside it with the weights and inputs it had. Tensors are shared, not copied.
//!
//! Spans that have children at the model's depth are never kept: their self time is the
//! time between their children. [`NOT_KEPT`] lists what else is not kept.

mod case;
mod pass;
mod tape;

pub use case::OpCase;
pub(crate) use case::Outcome;
pub use pass::{CaptureOptions, Captured, capture};
pub(crate) use tape::{is_on, keep, within};

/// Kinds without children that are not kept, and why.
pub const NOT_KEPT: &[(&str, &str)] = &[
    (
        "inference > pre_inference > tokenization",
        "runs once per prompt",
    ),
    (
        "inference > pre_inference > tensor_transfer",
        "runs once per prompt",
    ),
    (
        "inference > pre_inference > kv_cache_init",
        "allocates memory once",
    ),
    (
        "inference > post_inference > tensor_to_cpu",
        "waits for the device, nothing else",
    ),
    (
        "inference > post_inference > detokenization",
        "runs once per answer",
    ),
    ("inference > post_inference > cleanup", "frees memory once"),
];

/// Evaluates an expression inside the current span and, while a capture runs,
/// keeps it: the operands in brackets are references, cloned for the copy that
/// is kept; everything else it uses must be `Copy`.
macro_rules! repeatable {
    ([$($operand:ident $(= $value:expr)?),* $(,)?]; $body:expr) => {
        $crate::capture::repeatable!(None, |work| work(), [$($operand $(= $value)?),*]; $body)
    };
    ($name:expr, |$work:ident| $run:expr, [$($operand:ident $(= $value:expr)?),*]; $body:expr) => {{
        $($(let $operand = $value;)?)*
        let $work = || $body;
        let result = $run;
        if $crate::capture::is_on() {
            $(let $operand = ::std::clone::Clone::clone($operand);)*
            $crate::capture::keep($name, &result, move || {
                $(let $operand = &$operand;)*
                $body
            });
        }
        result
    }};
}

pub(crate) use repeatable;
