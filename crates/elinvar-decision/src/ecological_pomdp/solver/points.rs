//! The upper bound's interior points and the sawtooth interpolation between them.
//!
//! The optimal value is convex and, written for unnormalised beliefs, positively homogeneous, so with a point `(b_i, v_i)` and any
//! `phi >= 0` with `u - phi b_i >= 0`: `V(u) <= phi v_i + v0 . (u - phi b_i)`. Gaussian beliefs overlap in their far tails with
//! ratios near 0, which would spoil `phi`; hence every point is split into a core `c` and a tail `t` of negligible mass. Since
//! `V(c) <= v_i - low . t` for any lower bound `low` on the value of every plan, the ratio needs to be taken over the core only:
//! `V(u) <= v0 . u + phi (v_i - low |t| - v0 . c)` with `phi = min over the core of u(s) / c(s)`.

use super::belief::Belief;

/// One point `(b_i, v_i)`.
#[derive(Clone)]
struct Point {
    identity: u64,
    belief: Belief,
    value: f64,
    /// Core states, least massive first: the ratio is smallest there, so hopeless points are left after a look or two.
    states: Box<[u32]>,
    /// One over the core masses.
    inverse: Box<[f64]>,
    /// Mass of the tail times the lower bound on any plan's value.
    tail_value: f64,
    /// `v_i - low |t| - v0 . c`; useful points have a negative one.
    slack: f64,
}

/// All interior points; those with larger identities are newer.
#[derive(Clone)]
pub(crate) struct Points {
    points: Vec<Point>,
    next_identity: u64,
    /// A lower bound on the value of every plan in every state.
    low: f64,
}

impl Points {
    pub(crate) fn new(low: f64) -> Self {
        Self { points: Vec::new(), next_identity: 0, low }
    }

    /// The identity the next point will get: points seen so far have smaller ones.
    pub(crate) fn stamp(&self) -> u64 {
        self.next_identity
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    /// Beliefs and values of all points.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Belief, f64)> {
        self.points.iter().map(|p| (&p.belief, p.value))
    }

    /// Adds a point, in place of the older one with identity `replaces`; returns its identity.
    ///
    /// The tail is as large as the bound may lose `allowance` by it.
    pub(crate) fn add(&mut self, belief: &Belief, value: f64, corners: &[f64], allowance: f64, replaces: Option<u64>) -> u64 {
        if let Some(old) = replaces {
            self.points.retain(|p| p.identity != old);
        }
        let mut order: Vec<(u32, f64)> = belief.states.iter().copied().zip(belief.masses.iter().copied()).collect();
        order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let mut loss = 0.0;
        let mut tail = 0;
        // At least one state stays in the core.
        while tail + 1 < order.len() {
            loss += order[tail].1 * (corners[order[tail].0 as usize] - self.low);
            if loss > allowance {
                break;
            }
            tail += 1;
        }
        let tail_mass: f64 = order[..tail].iter().map(|e| e.1).sum();
        let core = &order[tail..];
        let identity = self.next_identity;
        self.next_identity += 1;
        let mut point = Point {
            identity,
            belief: belief.clone(),
            value,
            states: core.iter().map(|e| e.0).collect(),
            inverse: core.iter().map(|e| 1.0 / e.1).collect(),
            tail_value: tail_mass * self.low,
            slack: 0.0,
        };
        point.rebase(corners);
        self.points.push(point);
        identity
    }

    /// Takes account of lowered corner values.
    pub(crate) fn rebase(&mut self, corners: &[f64]) {
        self.points.iter_mut().for_each(|p| p.rebase(corners));
    }

    /// The smaller of `best` and the sawtooth bound at the unnormalised belief `u` over points with identity at least `from`;
    /// `linear` is the corner interpolation at `u`.
    pub(crate) fn bound(&self, u: &[f64], linear: f64, from: u64, best: f64) -> f64 {
        let first = self.points.partition_point(|p| p.identity < from);
        self.points[first..].iter().fold(best, |best, point| point.bound(u, linear, best))
    }

    /// Removes points whose value the others already give, to within `tolerance`.
    pub(crate) fn prune(&mut self, corners: &[f64], n_states: usize, tolerance: f64) {
        let mut u = vec![0.0; n_states];
        let mut kept: Vec<bool> = vec![true; self.points.len()];
        for i in 0..self.points.len() {
            let point = &self.points[i];
            point.belief.iter().for_each(|(s, m)| u[s] = m);
            let linear = point.belief.dot(corners);
            let others = self.points.iter().enumerate().filter(|(j, _)| *j != i && kept[*j]);
            let best = others.fold(linear, |best, (_, other)| other.bound(&u, linear, best));
            kept[i] = best > point.value + tolerance;
            point.belief.iter().for_each(|(s, _)| u[s] = 0.0);
        }
        let mut keep = kept.into_iter();
        self.points.retain(|_| keep.next().unwrap_or(true));
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.points.iter().map(|p| 120 + 12 * (p.belief.states.len() + p.states.len()) as u64).sum()
    }
}

impl Point {
    fn rebase(&mut self, corners: &[f64]) {
        let core: f64 = self.states.iter().zip(&self.inverse).map(|(&s, inverse)| corners[s as usize] / inverse).sum();
        self.slack = self.value - self.tail_value - core;
    }

    /// The smaller of `best` and this point's bound.
    fn bound(&self, u: &[f64], linear: f64, best: f64) -> f64 {
        if !(self.slack < 0.0) {
            return best;
        }
        // Only a ratio above this one can improve on `best`.
        let needed = (linear - best) / -self.slack;
        let mut phi = f64::INFINITY;
        for (&s, &inverse) in self.states.iter().zip(&self.inverse) {
            phi = phi.min(u[s as usize] * inverse);
            if phi <= needed {
                return best;
            }
        }
        best.min(linear + phi * self.slack)
    }
}
