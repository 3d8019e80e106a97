//! Causal attention masks, optionally with a sliding window, and the rotary embedding that
//! belongs to them.

use candle_core::{Device, Tensor};

use crate::config::rope::Temperature;
use crate::error::Result;
use crate::layers::pass_row::PassRow;
use crate::layers::rope::{Rope, RotaryTable};
use crate::tape::op_case::OpOutput;
use crate::tape::repeatable::repeatable;

/// Mask and rotary embedding of the layers of one kind (full or windowed attention).
#[derive(Debug, Clone)]
pub(crate) struct AttentionMask {
    /// Rotary embedding of these layers, if they have one.
    pub rope: Option<Rope>,
    /// Growth of queries with the position.
    pub temperature: Option<Temperature>,
    /// Sliding window in positions, the position itself included; `None` for full
    /// attention.
    pub window: Option<usize>,
}

/// An [`AttentionMask`] for one forward pass.
#[derive(Debug)]
pub(crate) struct PassMask {
    /// Of the new positions of each sequence, in the order of the pass.
    pub rows: Vec<RowMask>,
}

/// An [`AttentionMask`] for the new positions of one sequence.
#[derive(Debug)]
pub(crate) struct RowMask {
    /// Cosines and sines of the new positions, if these layers have a rotary embedding.
    pub rotary: Option<RotaryTable>,
    /// Factors of the new positions' queries, shape `(new, 1)`; `None` if all are 1.
    pub temperature: Option<Tensor>,
    /// Added to the scores, shape `(new, visible)`; `None` if nothing is masked.
    pub mask: Option<Tensor>,
    /// Number of last positions that at least one new position attends to.
    pub visible: usize,
}

impl OpOutput for PassMask {
    fn tensors(&self) -> Vec<Tensor> {
        let of_row = |row: &RowMask| {
            let tables = row.rotary.iter().flat_map(RotaryTable::tables);
            let others = [&row.temperature, &row.mask].into_iter().flatten();
            tables.chain(others.cloned()).collect::<Vec<Tensor>>()
        };
        self.rows.iter().flat_map(of_row).collect()
    }
}

impl AttentionMask {
    /// Computes the rotary table for `positions` of a sequence that may reach this length.
    pub(crate) fn reserve(&mut self, positions: usize, reach: usize) -> Result<()> {
        let rope = self.rope.as_mut();
        rope.map_or(Ok(()), |rope| rope.reserve(positions, reach))
    }

    /// Builds the masks of the new positions of these sequences.
    pub(crate) fn pass(&mut self, rows: &[PassRow], device: &Device) -> Result<PassMask> {
        for row in rows {
            self.reserve(row.start + row.count, row.reach)?;
        }
        let (window, temperature) = (self.window, self.temperature);
        let rows = &rows.to_vec();
        repeatable!([rope = &self.rope, rows, device]; {
            let mask = |row: &PassRow| row_mask(rope.as_ref(), temperature, window, row, device);
            let rows = rows.iter().map(mask).collect::<Result<_>>();
            rows.map(|rows| PassMask { rows })
        })
    }
}

fn row_mask(
    rope: Option<&Rope>,
    temperature: Option<Temperature>,
    window: Option<usize>,
    row: &PassRow,
    device: &Device,
) -> Result<RowMask> {
    let PassRow {
        start,
        count,
        reach,
        ..
    } = *row;
    let all = start + count;
    let visible = window.map_or(all, |window| all.min(window.saturating_add(count - 1)));
    let rotary = rope.map(|rope| rope.rows(start, count, reach));
    Ok(RowMask {
        rotary: rotary.transpose()?,
        temperature: factors(temperature, start, count, device)?,
        mask: mask(start, count, visible, window, device)?,
        visible,
    })
}

/// Returns the factors of queries; `None` if all are 1.
fn factors(
    temperature: Option<Temperature>,
    start: usize,
    count: usize,
    device: &Device,
) -> Result<Option<Tensor>> {
    let Some(temperature) = temperature else {
        return Ok(None);
    };
    let factors: Vec<f32> = (start..start + count)
        .map(|position| temperature.factor(position))
        .collect();
    match factors.iter().all(|factor| *factor == 1.0) {
        true => Ok(None),
        false => Ok(Some(Tensor::from_vec(factors, (count, 1), device)?)),
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
