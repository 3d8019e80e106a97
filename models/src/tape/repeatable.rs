//! The macro that keeps work while a capture runs.

/// Evaluates an expression inside the current span and, while a capture runs,
/// keeps it: the operands in brackets are references, cloned for the copy that
/// is kept; everything else it uses must be `Copy`.
macro_rules! repeatable {
    ([$($operand:ident $(= $value:expr)?),* $(,)?]; $body:expr) => {
        $crate::tape::repeatable::repeatable!(None, |work| work(), [$($operand $(= $value)?),*]; $body)
    };
    ($name:expr, |$work:ident| $run:expr, [$($operand:ident $(= $value:expr)?),*]; $body:expr) => {{
        $($(let $operand = $value;)?)*
        let $work = || $body;
        let result = $run;
        if $crate::tape::recording::is_on() {
            $(let $operand = ::std::clone::Clone::clone($operand);)*
            $crate::tape::recording::keep($name, &result, move || {
                $(let $operand = &$operand;)*
                $body
            });
        }
        result
    }};
}

pub(crate) use repeatable;
