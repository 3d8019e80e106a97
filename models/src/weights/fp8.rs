//! Scales of matrices of 8-bit floats.

/// Width and height of blocks with one scale, if nothing states another one.
pub(crate) const BLOCK: [usize; 2] = [128, 128];

/// Multiplies the numbers of a matrix by its scales: one for all numbers, one for each row,
/// or one for each block.
///
/// # Errors
/// If the scales' shape is none of these.
pub(super) fn scale(
    numbers: &mut [f32],
    shape: &[usize],
    (scales, scales_shape): (&[f32], &[usize]),
    block: [usize; 2],
) -> Result<(), String> {
    if let [one] = scales {
        numbers.iter_mut().for_each(|number| *number *= one);
        return Ok(());
    }
    let wrong = || format!("has the shape {scales_shape:?}, which does not fit {shape:?}");
    let &[rows, width] = shape else {
        return Err(wrong());
    };
    let [high, wide] = match *scales_shape {
        [count] | [count, 1] if count == rows => [1, width],
        [down, across] if blocks(shape, block) == Some([down, across]) => block,
        _ => return Err(wrong()),
    };
    let across = width.div_ceil(wide);
    for (at, row) in numbers.chunks_mut(width).enumerate() {
        let scales = scales.iter().skip(at / high * across);
        for (part, scale) in row.chunks_mut(wide).zip(scales) {
            part.iter_mut().for_each(|number| *number *= scale);
        }
    }
    Ok(())
}

/// Returns the number of blocks in each direction.
fn blocks(shape: &[usize], [high, wide]: [usize; 2]) -> Option<[usize; 2]> {
    let &[rows, width] = shape else {
        return None;
    };
    (high > 0 && wide > 0).then(|| [rows.div_ceil(high), width.div_ceil(wide)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaled(scales: &[f32], scales_shape: &[usize], block: [usize; 2]) -> Option<Vec<f32>> {
        let mut numbers = vec![1.0; 12];
        let done = scale(&mut numbers, &[3, 4], (scales, scales_shape), block);
        done.ok().map(|()| numbers)
    }

    #[test]
    fn scales_belong_to_the_matrix_its_rows_or_its_blocks() {
        assert_eq!(scaled(&[2.0], &[], BLOCK), Some(vec![2.0; 12]));
        assert_eq!(scaled(&[2.0], &[1], BLOCK), Some(vec![2.0; 12]));
        let rows = [[1.0; 4], [2.0; 4], [3.0; 4]].concat();
        assert_eq!(scaled(&[1.0, 2.0, 3.0], &[3, 1], BLOCK), Some(rows.clone()));
        assert_eq!(scaled(&[1.0, 2.0, 3.0], &[3], BLOCK), Some(rows));
        let blocks = [
            [1.0, 1.0, 1.0, 2.0],
            [1.0, 1.0, 1.0, 2.0],
            [3.0, 3.0, 3.0, 4.0],
        ];
        let found = scaled(&[1.0, 2.0, 3.0, 4.0], &[2, 2], [2, 3]);
        assert_eq!(found, Some(blocks.concat()));
        assert_eq!(scaled(&[1.0, 2.0], &[2], BLOCK), None);
        assert_eq!(scaled(&[1.0, 2.0], &[1, 2], BLOCK), None);
        assert_eq!(scaled(&[1.0, 2.0], &[1, 2], [0, 2]), None);
    }
}
