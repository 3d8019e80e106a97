//! Macros that run an expression inside a span; a running capture may keep its work.

/// Runs an expression inside a DEBUG span: a section or a layer. With operands
/// in brackets, a capture keeps it (see [`crate::tape::repeatable`]).
macro_rules! section {
    ($name:ident; $body:expr) => {
        $crate::instrument::macros::around!(debug_span, $name, None; $body)
    };
    ($name:ident, layer = $layer:expr; $body:expr) => {
        $crate::instrument::macros::around!(debug_span, $name, Some($layer), layer = $layer; $body)
    };
    ($name:ident, [$($operands:tt)*]; $body:expr) => {
        $crate::instrument::macros::kept!(debug_span, $name, [$($operands)*]; $body)
    };
}

/// Runs an expression inside a TRACE span: a component or an op. With operands
/// in brackets, a capture keeps it (see [`crate::tape::repeatable`]).
macro_rules! op {
    ($name:ident; $body:expr) => {
        $crate::instrument::macros::around!(trace_span, $name, None; $body)
    };
    ($name:ident, [$($operands:tt)*]; $body:expr) => {
        $crate::instrument::macros::kept!(trace_span, $name, [$($operands)*]; $body)
    };
}

/// A span whose children a capture may keep.
macro_rules! around {
    ($span:ident, $name:ident, $layer:expr $(, $field:ident = $value:expr)*; $body:expr) => {
        $crate::instrument::macros::placed!($span, $name $(, $field = $value)*; || {
            $crate::tape::recording::within($crate::instrument::names::$name, $layer, || $body)
        })
    };
}

/// Runs a closure inside a span. During a pass on a device of its own time, the span states
/// that (see [`crate::device_work`]); as a callsite of its own, it costs nothing on the CPU.
macro_rules! placed {
    ($span:ident, $name:ident $(, $field:ident = $value:expr)*; $work:expr) => {{
        let work = $work;
        match $crate::device_work::is_on() {
            true => $crate::device_work::run(
                ::tracing::$span!(
                    target: $crate::instrument::names::TARGET,
                    $crate::instrument::names::$name
                    $(, $field = $value)*,
                    energy.gpu.began_ns = ::tracing::field::Empty,
                    energy.gpu.ended_ns = ::tracing::field::Empty
                ),
                $crate::instrument::names::$name,
                work,
            ),
            false => ::tracing::$span!(
                target: $crate::instrument::names::TARGET,
                $crate::instrument::names::$name
                $(, $field = $value)*
            )
            .in_scope(work),
        }
    }};
}

/// A span whose work a capture keeps.
macro_rules! kept {
    ($span:ident, $name:ident, [$($operand:ident $(= $value:expr)?),* $(,)?]; $body:expr) => {
        $crate::tape::repeatable::repeatable!(
            Some($crate::instrument::names::$name),
            |work| $crate::instrument::macros::placed!($span, $name; work),
            [$($operand $(= $value)?),*];
            $body
        )
    };
}

/// An INFO span: the run, a phase or a token.
macro_rules! phase {
    ($name:ident $(, $($field:tt)*)?) => {
        ::tracing::info_span!(
            target: $crate::instrument::names::TARGET,
            $crate::instrument::names::$name
            $(, $($field)*)?
        )
    };
}

pub(crate) use {around, kept, op, phase, placed, section};
