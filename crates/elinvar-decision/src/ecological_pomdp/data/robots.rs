//! Benchmark problems of the POMDP literature: Tiger, Tag and RockSample.

use crate::ecological_pomdp::pomdp::{Observation, Pomdp, SparseRows, Transition};
use elinvar_core::error::suggestion;
use elinvar_core::{Error, Result};
use ndarray::{Array1, Array2, arr2};

/// The tiger behind one of two doors (Kaelbling, Littman and Cassandra 1998): listen (-1, right with 0.85), open left, open right
/// (10 or -100, then a new tiger). Discount 0.95; the optimal value of the uniform prior is 19.37.
///
/// # Errors
/// None in practice.
pub fn tiger() -> Result<Pomdp> {
    let half = arr2(&[[0.5, 0.5], [0.5, 0.5]]);
    let stay = Array2::eye(2);
    let hear = arr2(&[[0.85, 0.15], [0.15, 0.85]]);
    let transition = stack(&[stay, half.clone(), half.clone()]);
    let observation = stack(&[hear, half.clone(), half]);
    let reward = arr2(&[[-1.0, -100.0, 10.0], [-1.0, 10.0, -100.0]]);
    Pomdp::new(transition, observation, reward, 0.95, None)
}

/// Names of the problems of the literature.
pub const PROBLEMS: [&str; 4] = ["tiger", "tag", "rock_sample_4_4", "rock_sample_5_5"];

/// A problem of the literature by its name.
///
/// # Errors
/// When there is none of that name; the message names the nearest.
pub fn named_problem(name: &str) -> Result<Pomdp> {
    const ROCKS: [(usize, usize); 5] = [(0, 1), (1, 3), (2, 0), (3, 2), (4, 4)];
    match name {
        "tiger" => tiger(),
        "tag" => tag(),
        "rock_sample_4_4" => rock_sample(4, &ROCKS[..4], (0, 2)),
        "rock_sample_5_5" => rock_sample(5, &ROCKS, (0, 2)),
        other => Err(Error::input(format!("there is no problem '{other}'")).hint(suggestion(other, &PROBLEMS, "the problems are"))),
    }
}

fn stack(matrices: &[Array2<f64>]) -> ndarray::Array3<f64> {
    let (rows, columns) = matrices[0].dim();
    ndarray::Array3::from_shape_fn((matrices.len(), rows, columns), |(a, i, j)| matrices[a][[i, j]])
}

/// North, south, east, west as (column, row) steps.
const STEPS: [(i32, i32); 4] = [(0, 1), (0, -1), (1, 0), (-1, 0)];

/// RockSample (Smith and Simmons 2004): a rover on an `n` x `n` grid samples good rocks and leaves to the east.
///
/// `rocks` gives (column, row) of each rock and `start` the rover's first cell. Actions: north, south, east, west, sample, check rock i.
/// Observations: nothing, good, bad; a check at distance d is right with probability (1 + 2^(-d/20)) / 2. States: cell and rock bits,
/// the last one is outside. Discount 0.95, every rock is good with probability 1/2.
///
/// # Errors
/// When a rock or the start lies outside the grid, or there are more than 10 rocks.
pub fn rock_sample(n: usize, rocks: &[(usize, usize)], start: (usize, usize)) -> Result<Pomdp> {
    if rocks.len() > 10 || rocks.iter().chain([&start]).any(|c| c.0 >= n || c.1 >= n) {
        return Err(Error::parameter("rocks", format!("at most 10 cells of the {n} x {n} grid"), format!("{rocks:?}")));
    }
    let patterns = 1usize << rocks.len();
    let outside = n * n * patterns;
    let n_s = outside + 1;
    let n_a = 5 + rocks.len();
    let mut transition = vec![SparseRows::new(n_s); n_a];
    let mut observation = vec![SparseRows::new(3); n_a];
    let mut reward = Array2::zeros((n_s, n_a));
    for s in 0..outside {
        let (cell, bits) = (s / patterns, s % patterns);
        let (x, y) = ((cell % n) as i32, (cell / n) as i32);
        for a in 0..n_a {
            let (next, gain) = if a < 4 { rover_move(n, (x, y), bits, a, patterns) } else { rover_work(rocks, (x, y), bits, a, s) };
            transition[a].push_row([(next, 1.0)]);
            reward[[s, a]] = gain;
            observation[a].push_row(check_result(rocks, (x, y), bits, a));
        }
    }
    for a in 0..n_a {
        transition[a].push_row([(outside, 1.0)]);
        observation[a].push_row([(0, 1.0)]);
    }
    let mut prior = Array1::zeros(n_s);
    let first = (start.1 * n + start.0) * patterns;
    (0..patterns).for_each(|bits| prior[first + bits] = 1.0 / patterns as f64);
    Pomdp::from_parts(Transition::Sparse(transition), Observation::Sparse(observation), reward, 0.95, Some(prior))
}

/// Next state and reward of a step; leaving to the east earns 10.
fn rover_move(n: usize, (x, y): (i32, i32), bits: usize, action: usize, patterns: usize) -> (usize, f64) {
    let (dx, dy) = STEPS[action];
    if x + dx >= n as i32 {
        return (n * n * patterns, 10.0);
    }
    let (x, y) = ((x + dx).max(0) as usize, (y + dy).clamp(0, n as i32 - 1) as usize);
    ((y * n + x) * patterns + bits, 0.0)
}

/// Next state and reward of sampling (action 4) or checking.
fn rover_work(rocks: &[(usize, usize)], (x, y): (i32, i32), bits: usize, action: usize, state: usize) -> (usize, f64) {
    let here = rocks.iter().position(|&(rx, ry)| (rx as i32, ry as i32) == (x, y));
    match (action, here) {
        (4, Some(rock)) if bits >> rock & 1 == 1 => (state & !(1 << rock), 10.0),
        (4, Some(_)) => (state, -10.0),
        // Sampling where there is no rock costs as much as a bad one.
        (4, None) => (state, -10.0),
        _ => (state, 0.0),
    }
}

/// Distribution over (nothing, good, bad) after an action that left the rover where it is.
fn check_result(rocks: &[(usize, usize)], (x, y): (i32, i32), bits: usize, action: usize) -> Vec<(usize, f64)> {
    let Some(rock) = action.checked_sub(5) else {
        return vec![(0, 1.0)];
    };
    let (rx, ry) = (rocks[rock].0 as i32, rocks[rock].1 as i32);
    let distance = f64::from((rx - x).pow(2) + (ry - y).pow(2)).sqrt();
    let right = 0.5 * (1.0 + (-distance / 20.0).exp2());
    let good = if bits >> rock & 1 == 1 { right } else { 1.0 - right };
    vec![(1, good), (2, 1.0 - good)]
}

/// Tag (Pineau, Gordon and Thrun 2003): a robot that sees its own cell looks for an opponent that moves away from it.
///
/// 29 cells; states are (robot, opponent or tagged), 870 in all; actions north, south, east, west (-1) and tag (10, or -10 when it
/// fails); observations are the robot's cell, or "same cell". Discount 0.95.
///
/// # Errors
/// None in practice.
pub fn tag() -> Result<Pomdp> {
    let cells = tag_cells();
    let n = cells.len();
    let (n_s, tagged) = (n * (n + 1), n);
    let mut transition = vec![SparseRows::new(n_s); 5];
    let mut observation = SparseRows::new(n + 1);
    let mut reward = Array2::zeros((n_s, 5));
    for s in 0..n_s {
        let (robot, opponent) = (s / (n + 1), s % (n + 1));
        for (a, rows) in transition.iter_mut().enumerate() {
            reward[[s, a]] = tag_reward(robot, opponent, tagged, a);
            let robot_next = if a < 4 { step(&cells, robot, STEPS[a]) } else { robot };
            let mut row = vec![0.0; n_s];
            if opponent == tagged || (a == 4 && robot == opponent) {
                row[robot_next * (n + 1) + tagged] = 1.0;
            } else {
                flight(&cells, robot, opponent).into_iter().for_each(|(cell, p)| row[robot_next * (n + 1) + cell] += p);
            }
            rows.push_row(row.into_iter().enumerate());
        }
        observation.push_row([(if robot == opponent { n } else { robot }, 1.0)]);
    }
    let mut prior = Array1::zeros(n_s);
    (0..n * n).for_each(|i| prior[i / n * (n + 1) + i % n] = 1.0 / (n * n) as f64);
    Pomdp::from_parts(Transition::Sparse(transition), Observation::Sparse(vec![observation]), reward, 0.95, Some(prior))
}

fn tag_reward(robot: usize, opponent: usize, tagged: usize, action: usize) -> f64 {
    match (opponent == tagged, action == 4, robot == opponent) {
        (true, _, _) => 0.0,
        (false, false, _) => -1.0,
        (false, true, true) => 10.0,
        (false, true, false) => -10.0,
    }
}

/// Two rows of ten cells below a block of three by three.
fn tag_cells() -> Vec<(i32, i32)> {
    let corridor = (0..2).flat_map(|y| (0..10).map(move |x| (x, y)));
    let block = (2..5).flat_map(|y| (5..8).map(move |x| (x, y)));
    corridor.chain(block).collect()
}

/// The cell after a step; walls stop it.
fn step(cells: &[(i32, i32)], cell: usize, (dx, dy): (i32, i32)) -> usize {
    let (x, y) = cells[cell];
    cells.iter().position(|&c| c == (x + dx, y + dy)).unwrap_or(cell)
}

/// Where the opponent goes: with probability 0.4 away from the robot along each axis (either way when they are level), else it stays.
fn flight(cells: &[(i32, i32)], robot: usize, opponent: usize) -> Vec<(usize, f64)> {
    let ((rx, ry), (ox, oy)) = (cells[robot], cells[opponent]);
    let axis = |difference: i32, positive: (i32, i32), negative: (i32, i32)| match difference.signum() {
        1 => vec![(positive, 0.4)],
        -1 => vec![(negative, 0.4)],
        _ => vec![(positive, 0.2), (negative, 0.2)],
    };
    let mut moves = axis(ox - rx, (1, 0), (-1, 0));
    moves.extend(axis(oy - ry, (0, 1), (0, -1)));
    let mut out: Vec<(usize, f64)> = moves.into_iter().map(|(direction, p)| (step(cells, opponent, direction), p)).collect();
    out.push((opponent, 0.2));
    out
}
