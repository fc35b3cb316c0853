//! Generators and loaders of the studies' data.

use elinvar_core::{Result, Stream};
use elinvar_data::study_digits;
use ndarray::{Array4, Axis, Slice};
use rand::RngExt;

/// Grey levels (n, 1, side, side) of a bar that lies (class 0) or stands (class 1) anywhere, on weak noise; and the classes in turn.
pub fn shapes(n: usize, side: usize, random: &mut Stream) -> (Array4<f32>, Vec<usize>) {
    let codes: Vec<usize> = (0..n).map(|i| i % 2).collect();
    let mut images = Array4::from_shape_simple_fn((n, 1, side, side), || f32::from(random.random_range(0..32_u8)));
    for (mut image, &code) in images.outer_iter_mut().zip(&codes) {
        let (row, column) = (random.random_range(0..side), random.random_range(0..side));
        for step in 0..side / 2 {
            let (down, right) = if code == 0 { (0, step) } else { (step, 0) };
            image[[0, (row + down) % side, (column + right) % side]] = 200.0;
        }
    }
    (images, codes)
}

/// Rows and columns of the field on which digits lie.
const FIELD: usize = 16;
/// Rows and columns of a digit.
const DIGIT: usize = 8;

/// Handwritten digits of 8 x 8 grey levels from 0 to 16 in the middle of 16 x 16 zeros (1797, 1, 16, 16), and their classes.
pub(super) fn digits() -> Result<(Array4<f32>, Vec<usize>)> {
    let (pixels, classes) = study_digits()?;
    let mut images = Array4::zeros((classes.len(), 1, FIELD, FIELD));
    let middle = Slice::from((FIELD - DIGIT) / 2..(FIELD + DIGIT) / 2);
    for (mut image, row) in images.outer_iter_mut().zip(pixels.rows()) {
        let mut target = image.index_axis_mut(Axis(0), 0);
        let mut target = target.slice_axis_mut(Axis(0), middle);
        target.slice_axis_mut(Axis(1), middle).iter_mut().zip(row).for_each(|(pixel, &value)| *pixel = value as f32);
    }
    Ok((images, classes))
}
