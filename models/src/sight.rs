//! What positions see of each other: everything before them, or a window, and
//! the rotary embedding that goes with it.

use candle_core::{Device, Tensor};

use crate::capture::repeatable;
use crate::error::{Error, Result};
use crate::rope::{Rope, Turns};

/// How layers of one kind see.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    /// Their rotary embedding.
    pub rope: Rope,
    /// Positions that one sees, itself included; none is all.
    pub window: Option<usize>,
}

/// A [`Sight`] of the positions of one forward pass.
#[derive(Debug)]
pub(crate) struct View {
    /// Rotary turns of the new positions.
    pub turns: Turns,
    /// Added to the scores, shape `(new, seen)`; none if every new position
    /// may see all of those.
    pub mask: Option<Tensor>,
    /// The last so many positions are seen by any new one.
    pub seen: usize,
}

impl Sight {
    /// What `count` positions from `start` on see.
    pub(crate) fn view(&mut self, start: usize, count: usize, device: &Device) -> Result<View> {
        let all = start + count;
        self.rope.reserve(all)?;
        let window = self.window;
        let seen = window.map_or(all, |window| all.min(window.saturating_add(count - 1)));
        repeatable!([rope = &self.rope, device]; Ok::<_, Error>(View {
            turns: rope.turns(start, count)?,
            mask: mask(start, count, seen, window, device)?,
            seen,
        }))
    }
}

/// Minus infinity where position `start + row` must not see a column; the last of the
/// `seen` columns is the last new position. Nothing is hidden from a single one.
fn mask(
    start: usize,
    count: usize,
    seen: usize,
    window: Option<usize>,
    device: &Device,
) -> Result<Option<Tensor>> {
    if count == 1 {
        return Ok(None);
    }
    let first = start + count - seen;
    let is_hidden = |from: usize, to: usize| {
        let is_past = window.is_some_and(|window| to.saturating_add(window) <= from);
        to > from || is_past
    };
    let row = |row| {
        (first..first + seen).map(move |to| {
            if is_hidden(start + row, to) {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        })
    };
    let numbers: Vec<f32> = (0..count).flat_map(row).collect();
    Ok(Some(Tensor::from_vec(numbers, (count, seen), device)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character per position seen.
    fn drawn(start: usize, count: usize, window: Option<usize>) -> Vec<String> {
        let all = start + count;
        let seen = window.map_or(all, |window| all.min(window + count - 1));
        let mask = mask(start, count, seen, window, &Device::Cpu).unwrap();
        let rows = mask.unwrap().to_vec2::<f32>().unwrap();
        let sign = |number: &f32| if *number == 0.0 { 'x' } else { '.' };
        rows.iter()
            .map(|row| row.iter().map(sign).collect())
            .collect()
    }

    #[test]
    fn positions_see_those_before_them() {
        assert_eq!(drawn(0, 3, None), ["x..", "xx.", "xxx"]);
        assert_eq!(drawn(2, 2, None), ["xxx.", "xxxx"]);
    }

    #[test]
    fn a_window_holds_the_position_itself_and_those_just_before() {
        assert_eq!(drawn(0, 4, Some(2)), ["x...", "xx..", ".xx.", "..xx"]);
        // Of four positions stored only one is still seen.
        assert_eq!(drawn(4, 2, Some(2)), ["xx.", ".xx"]);
        assert_eq!(drawn(0, 2, Some(9)), ["x.", "xx"]);
    }
}
