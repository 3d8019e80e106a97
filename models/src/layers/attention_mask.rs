//! Causal attention masks, optionally with a sliding window, and the rotary embedding that
//! belongs to them.

use candle_core::{Device, Tensor};

use crate::error::{Error, Result};
use crate::layers::rope::{Rope, RotaryTable};
use crate::tape::op_case::OpOutput;
use crate::tape::repeatable::repeatable;

/// Mask and rotary embedding of the layers of one kind (full or windowed attention).
#[derive(Debug, Clone)]
pub(crate) struct AttentionMask {
    /// Rotary embedding of these layers.
    pub rope: Rope,
    /// Sliding window in positions, the position itself included; `None` for full
    /// attention.
    pub window: Option<usize>,
}

/// An [`AttentionMask`] for the positions of one forward pass.
#[derive(Debug)]
pub(crate) struct PassMask {
    /// Cosines and sines of the new positions.
    pub rotary: RotaryTable,
    /// Added to the scores, shape `(new, visible)`; `None` if nothing is masked.
    pub mask: Option<Tensor>,
    /// Number of last positions that at least one new position attends to.
    pub visible: usize,
}

impl OpOutput for PassMask {
    fn tensors(&self) -> Vec<Tensor> {
        let [cos, sin] = self.rotary.tables();
        [cos, sin].into_iter().chain(self.mask.clone()).collect()
    }
}

impl AttentionMask {
    /// Builds the mask of `count` new positions from `start` on.
    pub(crate) fn pass(&mut self, start: usize, count: usize, device: &Device) -> Result<PassMask> {
        let all = start + count;
        self.rope.reserve(all)?;
        let window = self.window;
        let visible = window.map_or(all, |window| all.min(window.saturating_add(count - 1)));
        repeatable!([rope = &self.rope, device]; Ok::<_, Error>(PassMask {
            rotary: rope.rows(start, count)?,
            mask: mask(start, count, visible, window, device)?,
            visible,
        }))
    }
}

/// Returns minus infinity where position `start + row` must not attend to a column; the
/// last of the `visible` columns is the last new position. `None` for a single position,
/// for which nothing is masked.
fn mask(
    start: usize,
    count: usize,
    visible: usize,
    window: Option<usize>,
    device: &Device,
) -> Result<Option<Tensor>> {
    if count == 1 {
        return Ok(None);
    }
    let first = start + count - visible;
    let is_hidden = |from: usize, to: usize| {
        let is_past = window.is_some_and(|window| to.saturating_add(window) <= from);
        to > from || is_past
    };
    let row = |row| {
        (first..first + visible).map(move |to| {
            if is_hidden(start + row, to) {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        })
    };
    let numbers: Vec<f32> = (0..count).flat_map(row).collect();
    Ok(Some(Tensor::from_vec(numbers, (count, visible), device)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character per visible position.
    fn drawn(start: usize, count: usize, window: Option<usize>) -> Vec<String> {
        let all = start + count;
        let visible = window.map_or(all, |window| all.min(window + count - 1));
        let mask = mask(start, count, visible, window, &Device::Cpu).unwrap();
        let rows = mask.unwrap().to_vec2::<f32>().unwrap();
        let sign = |number: &f32| if *number == 0.0 { 'x' } else { '.' };
        rows.iter()
            .map(|row| row.iter().map(sign).collect())
            .collect()
    }

    #[test]
    fn positions_attend_to_earlier_positions() {
        assert_eq!(drawn(0, 3, None), ["x..", "xx.", "xxx"]);
        assert_eq!(drawn(2, 2, None), ["xxx.", "xxxx"]);
    }

    #[test]
    fn a_window_holds_the_position_itself_and_its_predecessors() {
        assert_eq!(drawn(0, 4, Some(2)), ["x...", "xx..", ".xx.", "..xx"]);
        // Of four stored positions only one is still inside the window.
        assert_eq!(drawn(4, 2, Some(2)), ["xx.", ".xx"]);
        assert_eq!(drawn(0, 2, Some(9)), ["x.", "xx"]);
    }
}
