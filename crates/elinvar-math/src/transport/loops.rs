//! The loops in which the time goes, compiled here once for `f32` and once for `f64`.
//!
//! They are methods of a trait rather than generic functions, because generic functions are compiled in the crate that uses them,
//! with that crate's optimisation. Sums run in [`LANES`] fixed lanes, everything else is a plain loop over slices; compilers turn both
//! forms into full vectors, but a mixture of them into gathers.

use crate::simd::{LANES, Real, dispatch, groups, max_lanes, sum_lanes};
use crate::transport::cost::{cosine_pull, euclidean_pull, sphere_pull};

/// Rows that go through a loop together, so that the vectors beside them are loaded once.
const ROW_GROUP: usize = 4;

/// What is summed over the features of two points.
#[derive(Clone, Copy)]
pub enum Summand {
    /// (x - y)^2
    Square,
    /// x y
    Product,
    /// |x - y|
    Absolute,
    /// |x - y|^1.5
    ThreeHalves,
    /// |x - y|^p
    Power(f64),
}

/// Weights with which the gradient of a cost is `along y - toward x`.
#[derive(Clone, Copy)]
pub enum Pull {
    /// Squared Euclidean.
    Square,
    /// Euclidean.
    Distance,
    /// Cosine.
    Cosine,
    /// Arc length.
    Arc,
}

/// A row of a plan and the columns beside it.
#[derive(Clone, Copy)]
pub struct PlanRow<'a, T> {
    /// Row scaling.
    pub u: T,
    /// Kernel entries.
    pub kernel: &'a [T],
    /// Column scalings.
    pub v: &'a [T],
    /// Scaled costs.
    pub scaled: &'a [T],
    /// Norm of the row point.
    pub norm_x: T,
    /// Norms of the column points.
    pub norms_y: &'a [T],
    /// From scaled cost to cost.
    pub epsilon: T,
}

/// The loops of one element type. Rows are padded to the stride; vectors beside them too, with zeros.
pub trait Loops: Sized {
    /// Writes `exp(g - s - top)`; returns `top = max(g - s)` and the sum of what was written.
    fn row_exponentials(scaled: &[Self], g: &[Self], out: &mut [Self]) -> (Self, Self);
    /// For a block of rows: the kernel from scaled costs and base, `u = weights / row sums`, and `column = K^T u` where asked for.
    fn fill_rows(
        scaled: &[Self],
        base: &[Self],
        weights: &[Self],
        values: &mut [Self],
        top: &mut [Self],
        u: &mut [Self],
        column: Option<&mut [Self]>,
    );
    /// For a block of rows: `u = weights / (K v)`, and `column = K^T u` where asked for.
    fn scale_rows(values: &[Self], v: &[Self], weights: &[Self], u: &mut [Self], column: Option<&mut [Self]>);
    /// `sum_j |column_j v_j - weights_j|`.
    fn column_error(column: &[Self], v: &[Self], weights: &[Self]) -> Self;
    /// `v = weights / column`; whether a column is below `weights * low`, and whether a scaling left [low, high].
    fn update_columns(column: &[Self], v: &mut [Self], weights: &[Self], low: Self, high: Self) -> (bool, bool);
    /// For one group of columns: maximum of `f_i - s_ij` and sum of `exp(f_i - s_ij - maximum)`.
    fn column_exponentials(scaled: &[Self], stride: usize, f: &[Self], group: usize) -> ([Self; LANES], [Self; LANES]);
    /// For every point (width features): `out_j = sum_k summand(x_k, y_jk)`; `features` holds y by features (width, stride).
    fn sum_features(summand: Summand, points: &[Self], width: usize, features: &[Self], out: &mut [Self]);
    /// Couplings of a row times the weights of the gradient: `toward` is written (negated), `along` is added to.
    fn weigh(pull: Pull, row: PlanRow<'_, Self>, toward: &mut [Self], along: &mut [Self]);
}

macro_rules! compiled {
    ($type:ty) => {
        impl Loops for $type {
            fn row_exponentials(scaled: &[Self], g: &[Self], out: &mut [Self]) -> (Self, Self) {
                dispatch(
                    #[inline(always)]
                    || row_exponentials(scaled, g, out),
                )
            }
            fn fill_rows(
                scaled: &[Self],
                base: &[Self],
                weights: &[Self],
                values: &mut [Self],
                top: &mut [Self],
                u: &mut [Self],
                column: Option<&mut [Self]>,
            ) {
                dispatch(
                    #[inline(always)]
                    || fill_rows(scaled, base, weights, values, top, u, column),
                );
            }
            fn scale_rows(values: &[Self], v: &[Self], weights: &[Self], u: &mut [Self], column: Option<&mut [Self]>) {
                dispatch(
                    #[inline(always)]
                    || scale_rows(values, v, weights, u, column),
                );
            }
            fn column_error(column: &[Self], v: &[Self], weights: &[Self]) -> Self {
                dispatch(
                    #[inline(always)]
                    || column_error(column, v, weights),
                )
            }
            fn update_columns(column: &[Self], v: &mut [Self], weights: &[Self], low: Self, high: Self) -> (bool, bool) {
                dispatch(
                    #[inline(always)]
                    || update_columns(column, v, weights, low, high),
                )
            }
            fn column_exponentials(scaled: &[Self], stride: usize, f: &[Self], group: usize) -> ([Self; LANES], [Self; LANES]) {
                dispatch(
                    #[inline(always)]
                    || column_exponentials(scaled, stride, f, group),
                )
            }
            fn sum_features(summand: Summand, points: &[Self], width: usize, features: &[Self], out: &mut [Self]) {
                dispatch(
                    #[inline(always)]
                    || match summand {
                        Summand::Square => sum_features(points, width, features, out, square),
                        Summand::Product => sum_features(points, width, features, out, product),
                        Summand::Absolute => sum_features(points, width, features, out, absolute),
                        Summand::ThreeHalves => sum_features(points, width, features, out, three_halves),
                        Summand::Power(p) => {
                            let p = Self::from_f64(p);
                            sum_features(
                                points,
                                width,
                                features,
                                out,
                                #[inline(always)]
                                |sum, x, y| sum + (x - y).magnitude().power(p),
                            );
                        }
                    },
                );
            }
            fn weigh(pull: Pull, row: PlanRow<'_, Self>, toward: &mut [Self], along: &mut [Self]) {
                dispatch(
                    #[inline(always)]
                    || match pull {
                        Pull::Square => weigh(row, toward, along, square_pull),
                        Pull::Distance => weigh(row, toward, along, distance_pull),
                        Pull::Cosine => weigh(row, toward, along, cosine_pull),
                        Pull::Arc => weigh(row, toward, along, arc_pull),
                    },
                );
            }
        }
    };
}
compiled!(f32);
compiled!(f64);

#[inline(always)]
fn row_exponentials<T: Real>(scaled: &[T], g: &[T], out: &mut [T]) -> (T, T) {
    let mut tops = [T::LOWEST; LANES];
    for (s, g) in groups(scaled).iter().zip(groups(g)) {
        for l in 0..LANES {
            tops[l] = tops[l].larger(g[l] - s[l]);
        }
    }
    let top = max_lanes(&tops);
    for ((&s, &g), out) in scaled.iter().zip(g).zip(out.iter_mut()) {
        let exponent = g - s - top;
        let value = exponent.fast_exp();
        *out = if exponent < T::NEGLIGIBLE_LOG { T::ZERO } else { value };
    }
    let mut sums = [T::ZERO; LANES];
    for out in groups(out) {
        for l in 0..LANES {
            sums[l] += out[l];
        }
    }
    (top, sum_lanes(&sums))
}

/// `R` inner products of padded rows with `v`.
#[inline(always)]
fn row_products<T: Real, const R: usize>(rows: &[T], v: &[T]) -> [T; R] {
    let stride = v.len();
    let rows: [&[[T; LANES]]; R] = std::array::from_fn(
        #[inline(always)]
        |r| groups(&rows[r * stride..(r + 1) * stride]),
    );
    let mut sums = [[T::ZERO; LANES]; R];
    for (group, v) in groups(v).iter().enumerate() {
        for r in 0..R {
            let row = &rows[r][group];
            for l in 0..LANES {
                sums[r][l] = row[l].fused(v[l], sums[r][l]);
            }
        }
    }
    std::array::from_fn(
        #[inline(always)]
        |r| sum_lanes(&sums[r]),
    )
}

/// `column += sum_r u_r row_r`.
#[inline(always)]
fn add_rows<T: Real>(rows: &[T], u: &[T], column: &mut [T]) {
    let stride = column.len();
    if let [u0, u1, u2, u3] = *u {
        let (r0, rest) = rows.split_at(stride);
        let (r1, rest) = rest.split_at(stride);
        let (r2, r3) = rest.split_at(stride);
        for ((((sum, &r0), &r1), &r2), &r3) in column.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
            *sum = r3.fused(u3, r2.fused(u2, r1.fused(u1, r0.fused(u0, *sum))));
        }
    } else {
        for (row, &u) in rows.chunks(stride).zip(u) {
            for (sum, &row) in column.iter_mut().zip(row) {
                *sum = row.fused(u, *sum);
            }
        }
    }
}

#[inline(always)]
fn fill_rows<T: Real>(scaled: &[T], base: &[T], weights: &[T], values: &mut [T], top: &mut [T], u: &mut [T], mut column: Option<&mut [T]>) {
    let stride = base.len();
    clear(&mut column);
    let groups = values.chunks_mut(ROW_GROUP * stride).zip(scaled.chunks(ROW_GROUP * stride));
    let beside = top.chunks_mut(ROW_GROUP).zip(u.chunks_mut(ROW_GROUP)).zip(weights.chunks(ROW_GROUP));
    for ((rows, scaled), ((top, u), weights)) in groups.zip(beside) {
        let each = rows.chunks_mut(stride).zip(scaled.chunks(stride));
        for ((row, scaled), ((top, u), &weight)) in each.zip(top.iter_mut().zip(u.iter_mut()).zip(weights)) {
            let sum;
            (*top, sum) = row_exponentials(scaled, base, row);
            *u = weight / sum;
        }
        if let Some(column) = &mut column {
            add_rows(rows, u, column);
        }
    }
}

#[inline(always)]
fn scale_rows<T: Real>(values: &[T], v: &[T], weights: &[T], u: &mut [T], mut column: Option<&mut [T]>) {
    let stride = v.len();
    clear(&mut column);
    let beside = u.chunks_mut(ROW_GROUP).zip(weights.chunks(ROW_GROUP));
    for (rows, (u, weights)) in values.chunks(ROW_GROUP * stride).zip(beside) {
        if u.len() == ROW_GROUP {
            let sums = row_products::<T, ROW_GROUP>(rows, v);
            for ((u, &weight), sum) in u.iter_mut().zip(weights).zip(sums) {
                *u = weight / sum;
            }
        } else {
            for ((row, u), &weight) in rows.chunks(stride).zip(u.iter_mut()).zip(weights) {
                let [sum] = row_products::<T, 1>(row, v);
                *u = weight / sum;
            }
        }
        if let Some(column) = &mut column {
            add_rows(rows, u, column);
        }
    }
}

#[inline(always)]
fn clear<T: Real>(column: &mut Option<&mut [T]>) {
    if let Some(column) = column {
        column.fill(T::ZERO);
    }
}

#[inline(always)]
fn column_error<T: Real>(column: &[T], v: &[T], weights: &[T]) -> T {
    let mut errors = [T::ZERO; LANES];
    for ((column, v), weight) in groups(column).iter().zip(groups(v)).zip(groups(weights)) {
        for l in 0..LANES {
            errors[l] += (column[l] * v[l] - weight[l]).magnitude();
        }
    }
    sum_lanes(&errors)
}

#[inline(always)]
fn update_columns<T: Real>(column: &[T], v: &mut [T], weights: &[T], low: T, high: T) -> (bool, bool) {
    let (mut underflow, mut drifted) = (false, false);
    for ((&column, v), &weight) in column.iter().zip(v).zip(weights) {
        *v = if column > T::ZERO { weight / column } else { T::ZERO };
        underflow |= column < weight * low;
        drifted |= *v > high || column * low > weight;
    }
    (underflow, drifted)
}

#[inline(always)]
fn column_exponentials<T: Real>(scaled: &[T], stride: usize, f: &[T], group: usize) -> ([T; LANES], [T; LANES]) {
    let mut tops = [T::LOWEST; LANES];
    for (row, &f) in scaled.chunks(stride).zip(f) {
        for (top, &s) in tops.iter_mut().zip(&groups(row)[group]) {
            *top = top.larger(f - s);
        }
    }
    let mut sums = [T::ZERO; LANES];
    for (row, &f) in scaled.chunks(stride).zip(f) {
        for ((sum, &top), &s) in sums.iter_mut().zip(&tops).zip(&groups(row)[group]) {
            *sum += (f - s - top).fast_exp();
        }
    }
    (tops, sums)
}

#[inline(always)]
fn square<T: Real>(sum: T, x: T, y: T) -> T {
    let difference = x - y;
    difference.fused(difference, sum)
}

#[inline(always)]
fn product<T: Real>(sum: T, x: T, y: T) -> T {
    x.fused(y, sum)
}

#[inline(always)]
fn absolute<T: Real>(sum: T, x: T, y: T) -> T {
    sum + (x - y).magnitude()
}

#[inline(always)]
fn three_halves<T: Real>(sum: T, x: T, y: T) -> T {
    let difference = (x - y).magnitude();
    difference.fused(difference.root(), sum)
}

/// Four features a pass, so that sums are stored less often.
#[inline(always)]
fn sum_features<T: Real>(points: &[T], width: usize, features: &[T], out: &mut [T], term: impl Fn(T, T, T) -> T + Copy) {
    let stride = features.len() / width;
    for (x, out) in points.chunks(width).zip(out.chunks_mut(stride)) {
        out.fill(T::ZERO);
        let (quadruples, rest) = x.as_chunks::<4>();
        let (blocks, tail) = features.split_at(4 * stride * quadruples.len());
        for (x, block) in quadruples.iter().zip(blocks.chunks(4 * stride)) {
            let (y0, more) = block.split_at(stride);
            let (y1, more) = more.split_at(stride);
            let (y2, y3) = more.split_at(stride);
            for ((((out, &y0), &y1), &y2), &y3) in out.iter_mut().zip(y0).zip(y1).zip(y2).zip(y3) {
                *out = term(term(term(term(*out, x[0], y0), x[1], y1), x[2], y2), x[3], y3);
            }
        }
        for (&x, y) in rest.iter().zip(tail.chunks(stride)) {
            for (out, &y) in out.iter_mut().zip(y) {
                *out = term(*out, x, y);
            }
        }
    }
}

#[inline(always)]
fn square_pull<T: Real>(_: T, _: T, _: T) -> (T, T) {
    let two = T::ONE + T::ONE;
    (two, two)
}

#[inline(always)]
fn distance_pull<T: Real>(cost: T, _: T, _: T) -> (T, T) {
    let pull = euclidean_pull(cost);
    (pull, pull)
}

#[inline(always)]
fn arc_pull<T: Real>(cost: T, _: T, _: T) -> (T, T) {
    (T::ZERO, sphere_pull(cost))
}

#[inline(always)]
fn weigh<T: Real>(row: PlanRow<'_, T>, toward: &mut [T], along: &mut [T], pull: impl Fn(T, T, T) -> (T, T)) {
    let columns = row.kernel.iter().zip(row.v).zip(row.scaled).zip(row.norms_y);
    for ((toward, along), (((&k, &v), &s), &norm_y)) in toward.iter_mut().zip(along).zip(columns) {
        let coupled = row.u * k * v;
        let (by_y, by_x) = pull(s * row.epsilon, row.norm_x, norm_y);
        *toward = -(coupled * by_x);
        *along = coupled.fused(by_y, *along);
    }
}
