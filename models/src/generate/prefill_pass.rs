//! Division of prompts into forward passes.

use crate::layers::pass::PREFILL_CHUNK;

/// Prompt tokens of one pass, those of each sequence behind one another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PrefillPass {
    /// The tokens.
    pub ids: Vec<u32>,
    /// Sequences with the number of their tokens, in order.
    pub parts: Vec<(usize, usize)>,
    /// Sequences with the end of their prompt in this pass, and the index of its last token in `ids`.
    pub ends: Vec<(usize, usize)>,
}

/// Divides prompts into passes of at most [`PREFILL_CHUNK`] tokens. A pass is filled with
/// tokens of the next prompt where one ends, so none is padded.
pub(crate) fn passes<'p>(prompts: impl IntoIterator<Item = &'p [u32]>) -> Vec<PrefillPass> {
    let (mut passes, mut open) = (Vec::new(), PrefillPass::default());
    for (row, mut prompt) in prompts.into_iter().enumerate() {
        while !prompt.is_empty() {
            let count = prompt.len().min(PREFILL_CHUNK - open.ids.len());
            let (now, later) = prompt.split_at(count);
            open.ids.extend_from_slice(now);
            open.parts.push((row, count));
            prompt = later;
            if prompt.is_empty() {
                open.ends.push((row, open.ids.len() - 1));
            }
            if open.ids.len() == PREFILL_CHUNK {
                passes.push(std::mem::take(&mut open));
            }
        }
    }
    if !open.ids.is_empty() {
        passes.push(open);
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs of numbers: parts, or ends.
    type Pairs = Vec<(usize, usize)>;

    fn drawn(lengths: &[usize]) -> Vec<(Pairs, Pairs)> {
        let prompts: Vec<Vec<u32>> = lengths.iter().map(|length| vec![7; *length]).collect();
        let passes = passes(prompts.iter().map(Vec::as_slice));
        let draw = |pass: PrefillPass| (pass.parts, pass.ends);
        passes.into_iter().map(draw).collect()
    }

    #[test]
    fn one_prompt_is_divided_into_chunks() {
        assert_eq!(drawn(&[3]), [(vec![(0, 3)], vec![(0, 2)])]);
        assert_eq!(drawn(&[512]), [(vec![(0, 512)], vec![(0, 511)])]);
        let two = [(vec![(0, 512)], vec![]), (vec![(0, 1)], vec![(0, 0)])];
        assert_eq!(drawn(&[513]), two);
    }

    #[test]
    fn passes_hold_several_prompts_without_padding() {
        let expected = [
            (vec![(0, 500), (1, 12)], vec![(0, 499)]),
            (vec![(1, 8), (2, 1)], vec![(1, 7), (2, 8)]),
        ];
        assert_eq!(drawn(&[500, 20, 1]), expected);
    }
}
