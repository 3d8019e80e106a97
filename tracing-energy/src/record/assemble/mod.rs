//! Assembles activations and nodes from the records of all threads, in time order.
//!
//! ```text
//! thread 1   |--- a -------------|          a: 2 activations, 1 instance
//!               |-- b --|   |- b -|         b's second enter nests in a's first
//! thread 2                    |-- a --|     (re-entered elsewhere)
//! ```
//! An activation is one outermost enter..exit of a span on one thread. Its parent is the
//! activation below it on the stack, or else the latest activation of the parent instance.
//!
//! Each part has its own state and receives the others as arguments:
//!
//! | part | state |
//! |---|---|
//! | `assembler` | the parts, and the spans that exist |
//! | `fields` | the span or event of each thread that the next fields belong to |
//! | `nodes` | the calling-context tree |
//! | `sampling` | which activations become rows |
//! | `activations` | open activations of all threads |
//! | `retirement` | how a span that is left and closed is written |

mod activations;
mod assembler;
mod fields;
mod nodes;
mod retirement;
mod sampling;

pub(crate) use assembler::SpanAssembler;
