//! Sampling of beliefs and backups of both bounds.

use super::SarsopSolver;
use super::belief::Belief;
use super::bins::Bins;
use super::initial::{UpperVectors, blind_policies, upper_vectors, value_scale, worst_value};
use super::kernel::{Joint, Kernel};
use super::points::Points;
use super::tree::{Branch, Node, Tree};
use super::vectors::AlphaSet;
use crate::ecological_pomdp::pomdp::{IMPOSSIBLE, Pomdp};
use elinvar_core::{Context, Result};
use ndarray::{Array2, ArrayView1};
use rayon::prelude::*;
use std::collections::HashMap;

/// Actions whose upper bound is tightened together; fixed, so that results do not depend on the number of threads.
const UPPER_BATCH: usize = 2;
/// Actions whose lower bound is raised together.
const LOWER_BATCH: usize = 8;
/// Share of the gap at the root that the core of a point of the upper bound may give away.
const TAIL_SHARE: f64 = 0.01;
/// Differences below this share of the value scale are rounding.
const ROUNDING: f64 = 1e-12;
/// Share of the gap at the root that a new vector must gain at its belief.
const LEAST_GAIN: f64 = 1e-4;
/// Growth of the vectors or points at which they are pruned.
const PRUNE_GROWTH: f64 = 1.1;

/// The whole state of the solver.
pub(crate) struct Search<'p> {
    pomdp: &'p Pomdp,
    solver: SarsopSolver,
    kernel: Kernel,
    start: UpperVectors,
    /// Present corner values, and how often they changed.
    corners: Vec<f64>,
    corner_changes: u64,
    alphas: AlphaSet,
    points: Points,
    tree: Tree,
    bins: Bins,
    scale: f64,
    vectors_at_prune: usize,
    points_at_prune: usize,
}

/// What is left of a finished search.
pub(crate) struct Outcome {
    pub(crate) alphas: Array2<f64>,
    pub(crate) actions: Vec<usize>,
    pub(crate) upper: UpperVectors,
    pub(crate) corners: Vec<f64>,
    pub(crate) points: Vec<(Belief, f64)>,
}

impl<'p> Search<'p> {
    /// Computes the initial bounds and makes the root; `stop` ends the computation of the upper one early.
    ///
    /// # Errors
    /// Cancellation and the time limit of `ctx`.
    pub(crate) fn new(pomdp: &'p Pomdp, solver: &SarsopSolver, ctx: &mut Context, stop: &dyn Fn() -> bool) -> Result<Self> {
        let mut alphas = AlphaSet::new(pomdp.n_states());
        for (a, vector) in blind_policies(pomdp, ctx)?.outer_iter().enumerate() {
            alphas.insert(&vector.to_vec(), a);
        }
        let start = upper_vectors(pomdp, solver.init_upper, ctx, stop)?;
        let corners = start.corners.clone();
        let range = corners.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        let mut search = Self {
            pomdp,
            solver: solver.clone(),
            kernel: Kernel::new(pomdp),
            start,
            corners,
            corner_changes: 0,
            vectors_at_prune: alphas.len(),
            points_at_prune: 0,
            alphas,
            points: Points::new(worst_value(pomdp)),
            tree: Tree::default(),
            bins: Bins::new(range.0, range.1, pomdp.n_states()),
            scale: value_scale(pomdp),
        };
        let root = Belief::from_dense(&pomdp.prior().to_vec());
        search.add_node(root, f64::NEG_INFINITY, f64::INFINITY);
        Ok(search)
    }

    /// Bounds at the first belief.
    pub(crate) fn bounds(&self) -> (f64, f64) {
        let root = self.tree.node(0);
        (root.lower, root.upper)
    }

    pub(crate) fn n_vectors(&self) -> usize {
        self.alphas.len()
    }

    pub(crate) fn n_beliefs(&self) -> usize {
        self.tree.len()
    }

    /// Bytes held by the search.
    pub(crate) fn bytes(&self) -> u64 {
        self.tree.bytes() + self.alphas.bytes() + self.points.bytes()
    }

    /// Adds the node of a belief (or finds it) with bounds that are already known.
    fn add_node(&mut self, belief: Belief, lower: f64, upper: f64) -> usize {
        if let Some(id) = self.tree.find(&belief) {
            return id;
        }
        let n_a = self.pomdp.n_actions();
        let q_upper: Box<[f64]> = self.start.actions.outer_iter().map(|vector| belief.dot_view(vector)).collect();
        let first_upper = q_upper.iter().fold(f64::NEG_INFINITY, |m, &q| m.max(q));
        let (own_lower, vector) = self.alphas.best(&belief, 0, (f64::NEG_INFINITY, 0));
        let upper = upper.min(first_upper).max(own_lower.max(lower));
        self.tree.push(Node {
            entropy: belief.entropy(),
            belief,
            lower: own_lower.max(lower),
            vector,
            vectors_seen: self.alphas.stamp(),
            upper,
            q_upper,
            q_lower: vec![f64::NEG_INFINITY; n_a].into(),
            branches: (0..n_a).map(|_| None).collect(),
            bins: None,
            point: None,
        })
    }

    /// Expected reward of an action at a node.
    fn reward(&self, id: usize, action: usize) -> f64 {
        self.tree.node(id).belief.dot_view(self.pomdp.reward().column(action))
    }

    /// The unnormalised next beliefs of an action at a node.
    fn joint(&self, id: usize, action: usize) -> Joint {
        let mut predicted = vec![0.0; self.pomdp.n_states()];
        self.pomdp.predict_into(self.tree.node(id).belief.iter(), action, &mut predicted);
        self.kernel.joint(self.pomdp.observation_index(action), &predicted)
    }

    /// Whether the upper bound of a branch knows all points.
    fn upper_is_fresh(&self, id: usize, action: usize) -> bool {
        let fresh = |b: &Branch| !b.upper.is_empty() && b.points_seen == self.points.stamp() && b.changes_seen == self.corner_changes;
        self.tree.node(id).branches[action].as_deref().is_some_and(fresh)
    }

    /// Whether the lower bound of a branch knows all vectors.
    fn lower_is_fresh(&self, id: usize, action: usize) -> bool {
        let fresh = |b: &Branch| !b.lower.is_empty() && b.vectors_seen == self.alphas.stamp();
        self.tree.node(id).branches[action].as_deref().is_some_and(fresh)
    }

    /// Brings the upper bound of a branch up to date.
    fn tighten_branch(&self, id: usize, action: usize, branch: &mut Branch) {
        let joint = self.joint(id, action);
        if branch.probability.is_empty() {
            branch.probability = joint.probabilities();
        }
        let n_z = branch.probability.len();
        if branch.upper.is_empty() {
            branch.upper = vec![f64::INFINITY; n_z];
            if self.start.vectors.nrows() > 0 {
                let mut best = vec![f64::NEG_INFINITY; n_z];
                joint.raise(self.start.numbered(), &mut best, &mut vec![0; n_z]);
                branch.upper = best;
            }
        }
        // After a change of the corner values every point has a new bound.
        let from = if branch.changes_seen == self.corner_changes { branch.points_seen } else { 0 };
        joint.lower_to_sawtooth(&self.points, &self.corners, from, &mut branch.upper);
        for &(z, child) in &branch.children {
            let z = z as usize;
            branch.upper[z] = branch.upper[z].min(branch.probability[z] * self.tree.node(child as usize).upper);
        }
        branch.points_seen = self.points.stamp();
        branch.changes_seen = self.corner_changes;
    }

    /// Brings the lower bound of a branch up to date.
    fn raise_branch(&self, id: usize, action: usize, branch: &mut Branch) {
        let joint = self.joint(id, action);
        if branch.probability.is_empty() {
            branch.probability = joint.probabilities();
        }
        let n_z = branch.probability.len();
        if branch.lower.is_empty() {
            branch.lower = vec![f64::NEG_INFINITY; n_z];
            branch.winner = vec![0; n_z];
            branch.vectors_seen = 0;
        }
        joint.raise(self.alphas.numbered_from(branch.vectors_seen), &mut branch.lower, &mut branch.winner);
        branch.vectors_seen = self.alphas.stamp();
    }

    /// Runs `work` on some branches of a node in parallel.
    fn on_branches(&mut self, id: usize, actions: &[usize], work: impl Fn(&Self, usize, usize, &mut Branch) + Sync) {
        let mut taken: Vec<(usize, Box<Branch>)> =
            actions.iter().map(|&a| (a, self.tree.node_mut(id).branches[a].take().unwrap_or_default())).collect();
        let before: usize = taken.iter().map(|(_, b)| b.bytes()).sum();
        let this = &*self;
        if let [(action, branch)] = taken.as_mut_slice() {
            work(this, id, *action, branch);
        } else {
            taken.par_iter_mut().for_each(|(action, branch)| work(this, id, *action, branch));
        }
        let after: usize = taken.iter().map(|(_, b)| b.bytes()).sum();
        self.tree.grow(after.saturating_sub(before));
        for (action, branch) in taken {
            self.tree.node_mut(id).branches[action] = Some(branch);
        }
    }

    /// Makes the largest upper bound over actions exact with respect to all points, and with it the node's upper bound.
    ///
    /// Only actions that could still be the best are looked at: every other one has a valid, smaller bound from before.
    fn tighten(&mut self, id: usize) {
        while !self.upper_is_fresh(id, self.tree.node(id).most_promising()) {
            let batch = self.stale_candidates(id);
            self.on_branches(id, &batch, Self::tighten_branch);
            for action in batch {
                let value = self.reward(id, action) + self.pomdp.discount() * self.branch_sum(id, action, |b| &b.upper);
                let q = &mut self.tree.node_mut(id).q_upper[action];
                *q = q.min(value);
            }
        }
        let node = self.tree.node(id);
        let upper = node.q_upper[node.most_promising()].max(node.lower);
        if upper < node.upper {
            self.tree.node_mut(id).upper = upper;
        }
        self.record_upper(id);
    }

    /// The next few stale actions by upper bound, the most promising one first.
    fn stale_candidates(&self, id: usize) -> Vec<usize> {
        let node = self.tree.node(id);
        let mut stale: Vec<usize> =
            (0..node.q_upper.len()).filter(|&a| node.q_upper[a] >= node.lower && !self.upper_is_fresh(id, a)).collect();
        stale.sort_by(|&a, &b| node.q_upper[b].total_cmp(&node.q_upper[a]).then(a.cmp(&b)));
        stale.truncate(UPPER_BATCH);
        if stale.is_empty() { vec![node.most_promising()] } else { stale }
    }

    /// Sum over observations of one of a branch's bounds.
    fn branch_sum(&self, id: usize, action: usize, bound: impl Fn(&Branch) -> &Vec<f64>) -> f64 {
        self.tree.node(id).branches[action].as_deref().map_or(0.0, |b| bound(b).iter().sum())
    }

    /// Adds the node's upper bound to the corner values or to the points, when they do not know it yet.
    fn record_upper(&mut self, id: usize) {
        let node = self.tree.node(id);
        let upper = node.upper;
        if let Some(state) = node.belief.corner() {
            if upper < self.corners[state] - ROUNDING * self.scale {
                self.corners[state] = upper;
                self.corner_changes += 1;
                self.points.rebase(&self.corners);
            }
            return;
        }
        let dense = node.belief.to_dense(self.pomdp.n_states()).to_vec();
        let known = self.points.bound(&dense, node.belief.dot(&self.corners), 0, node.belief.dot(&self.corners));
        let gap = self.gap().max(self.solver.precision);
        let allowance = TAIL_SHARE * gap;
        if upper < known - 2.0 * allowance.min(1e-3 * gap) {
            let (belief, old) = (node.belief.clone(), node.point);
            let identity = self.points.add(&belief, upper, &self.corners, allowance, old);
            self.tree.node_mut(id).point = Some(identity);
        }
    }

    fn gap(&self) -> f64 {
        let (lower, upper) = self.bounds();
        upper - lower
    }

    /// Raises a node's lower bound with the vectors made since it was last looked at.
    fn refresh_lower(&mut self, id: usize) {
        let node = self.tree.node(id);
        let (value, vector) = self.alphas.best(&node.belief, node.vectors_seen, (node.lower, node.vector));
        let stamp = self.alphas.stamp();
        let node = self.tree.node_mut(id);
        node.lower = value;
        node.vector = vector;
        node.vectors_seen = stamp;
        node.upper = node.upper.max(value);
    }

    /// The backup of the lower bound: adds the best one-step plan at this belief when it is better than the vectors there are.
    fn raise(&mut self, id: usize) {
        self.refresh_lower(id);
        let best = self.best_plan(id);
        let node = self.tree.node(id);
        if let Some(action) = best
            && node.q_lower[action] > node.lower + (ROUNDING * self.scale).max(LEAST_GAIN * self.gap())
        {
            let vector = self.backed_up(id, action);
            self.alphas.insert(&vector, action);
            self.refresh_lower(id);
        }
        self.exclude_actions(id);
    }

    /// The action with the largest lower bound. Actions are looked at in the order of their upper bounds until these fall below.
    fn best_plan(&mut self, id: usize) -> Option<usize> {
        let node = self.tree.node(id);
        let mut order: Vec<usize> = (0..node.q_upper.len()).filter(|&a| node.q_upper[a] > node.lower).collect();
        order.sort_by(|&a, &b| node.q_upper[b].total_cmp(&node.q_upper[a]).then(a.cmp(&b)));
        let mut best: Option<usize> = None;
        for batch in order.chunks(LOWER_BATCH) {
            let node = self.tree.node(id);
            let bar = best.map_or(node.lower, |a| node.q_lower[a]);
            let batch: Vec<usize> = batch.iter().copied().filter(|&a| node.q_upper[a] > bar).collect();
            if batch.is_empty() {
                break;
            }
            let stale: Vec<usize> = batch.iter().copied().filter(|&a| !self.lower_is_fresh(id, a)).collect();
            self.on_branches(id, &stale, Self::raise_branch);
            for &action in &batch {
                let value = self.reward(id, action) + self.pomdp.discount() * self.branch_sum(id, action, |b| &b.lower);
                self.tree.node_mut(id).q_lower[action] = value;
                if best.is_none_or(|b| value > self.tree.node(id).q_lower[b]) {
                    best = Some(action);
                }
            }
        }
        best
    }

    /// `alpha(s) = R(s,a) + gamma sum_{s',z} T[a,s,s'] O[a,s',z] alpha_z(s')` with the winners of a branch.
    fn backed_up(&self, id: usize, action: usize) -> Vec<f64> {
        let Some(branch) = self.tree.node(id).branches[action].as_deref() else {
            return self.alphas.vector(0).to_vec();
        };
        let mixed = self.kernel.mix(self.pomdp.observation_index(action), self.pomdp.n_states(), |z| self.alphas.vector(branch.winner[z]));
        let future = self.pomdp.expect(action, ArrayView1::from(&mixed));
        let rewards = self.pomdp.reward().column(action);
        rewards.iter().zip(&future).map(|(r, v)| r + self.pomdp.discount() * v).collect()
    }

    /// Forgets actions that cannot be the best.
    fn exclude_actions(&mut self, id: usize) {
        let bar = self.tree.node(id).best_lower() - ROUNDING * self.scale;
        let node = self.tree.node_mut(id);
        let best = node.most_promising();
        let mut freed = 0;
        for action in 0..node.q_upper.len() {
            if action != best && node.q_upper[action] < bar {
                node.q_upper[action] = f64::NEG_INFINITY;
                freed += node.branches[action].take().map_or(0, |b| b.bytes());
            }
        }
        self.tree.shrink(freed);
    }

    /// One trial: sample a path of beliefs, then back up in reverse order.
    ///
    /// # Errors
    /// Cancellation and the time limit of `ctx`; `stop` ends the trial early without an error.
    pub(crate) fn trial(&mut self, ctx: &Context, stop: &(dyn Fn(u64) -> bool + Sync)) -> Result<()> {
        let path = self.sample(ctx, stop)?;
        for &id in path.iter().rev() {
            ctx.check()?;
            self.tighten(id);
            self.raise(id);
            self.count(id);
            if stop(self.bytes()) {
                break;
            }
        }
        self.tighten(0);
        self.refresh_lower(0);
        self.prune(stop);
        Ok(())
    }

    /// Tells the bins the node's new lower bound.
    fn count(&mut self, id: usize) {
        let node = self.tree.node(id);
        if let Some(mut member) = node.bins {
            self.bins.update(&mut member, node.lower, node.upper);
            self.tree.node_mut(id).bins = Some(member);
        }
    }

    /// Predicted optimal value of a node.
    fn predicted_value(&mut self, id: usize) -> f64 {
        let node = self.tree.node(id);
        if !self.solver.binning {
            return node.upper;
        }
        let member = match node.bins {
            Some(member) => member,
            None => {
                let vectors = &self.start.actions;
                let first = vectors.outer_iter().map(|v| node.belief.dot_view(v)).fold(f64::NEG_INFINITY, f64::max);
                let member = self.bins.insert(first, node.entropy, node.lower);
                self.tree.node_mut(id).bins = Some(member);
                member
            }
        };
        let node = self.tree.node(id);
        self.bins.predict(&member, node.lower, node.upper)
    }

    /// Samples a path from the root (SARSOP, algorithm 3).
    fn sample(&mut self, ctx: &Context, stop: &(dyn Fn(u64) -> bool + Sync)) -> Result<Vec<usize>> {
        let gamma = self.pomdp.discount();
        let epsilon = self.solver.epsilon * self.gap();
        let (mut low, mut high) = (self.bounds().0, self.bounds().0 + epsilon);
        let mut path = vec![0];
        let mut id = 0;
        let mut slack = epsilon;
        loop {
            ctx.check()?;
            self.refresh_lower(id);
            self.tighten(id);
            let predicted = self.predicted_value(id);
            let node = self.tree.node(id);
            let (lower, upper) = (node.lower, node.upper);
            let narrow = upper <= lower + self.solver.kappa * slack;
            let unpromising = predicted <= low && upper <= high.max(lower + slack);
            if narrow || unpromising || stop(self.bytes()) {
                return Ok(path);
            }
            let action = self.tree.node(id).most_promising();
            self.on_branches(id, &[action], Self::raise_branch);
            let best_lower = self.tree.node(id).best_lower();
            let (next_low, next_high) = (low.max(best_lower), high.max(best_lower + slack));
            slack /= gamma;
            let Some(z) = self.most_uncertain(id, action, slack) else {
                return Ok(path);
            };
            (low, high) = self.targets(id, action, z, next_low, next_high);
            id = self.child(id, action, z);
            path.push(id);
        }
    }

    /// The observation with the largest weighted excess of uncertainty; `None` when no child is too uncertain.
    fn most_uncertain(&self, id: usize, action: usize, slack: f64) -> Option<usize> {
        let branch = self.tree.node(id).branches[action].as_deref()?;
        let excess = |z: usize| branch.upper[z] - branch.lower[z] - branch.probability[z] * slack;
        let mut best: Option<(usize, f64)> = None;
        for z in (0..branch.probability.len()).filter(|&z| branch.probability[z] >= IMPOSSIBLE) {
            if excess(z) > best.map_or(0.0, |b| b.1) {
                best = Some((z, excess(z)));
            }
        }
        best.map(|b| b.0)
    }

    /// Targets of the child so that the node reaches its own.
    fn targets(&self, id: usize, action: usize, z: usize, low: f64, high: f64) -> (f64, f64) {
        let Some(branch) = self.tree.node(id).branches[action].as_deref() else {
            return (low, high);
        };
        let reward = self.reward(id, action);
        let others = |bounds: &[f64]| bounds.iter().sum::<f64>() - bounds[z];
        let target = |value: f64, bounds: &[f64]| ((value - reward) / self.pomdp.discount() - others(bounds)) / branch.probability[z];
        (target(low, &branch.lower), target(high, &branch.upper))
    }

    /// The node after an action and an observation.
    fn child(&mut self, id: usize, action: usize, z: usize) -> usize {
        let Some(branch) = self.tree.node(id).branches[action].as_deref() else {
            return id;
        };
        if let Some(&(_, child)) = branch.children.iter().find(|c| c.0 as usize == z) {
            return child as usize;
        }
        let p = branch.probability[z];
        let (lower, upper) = (branch.lower[z] / p, branch.upper[z] / p);
        let belief = Belief::from_dense(&self.joint(id, action).dense(z));
        let child = self.add_node(belief, lower, upper);
        if let Some(branch) = self.tree.node_mut(id).branches[action].as_deref_mut() {
            branch.children.push((z as u32, child as u32));
        }
        child
    }

    /// Prunes vectors and points when there are a tenth more than after the last time. Pruning can take seconds, so it ends early
    /// at `stop`, with what is not yet judged kept.
    fn prune(&mut self, stop: &(dyn Fn(u64) -> bool + Sync)) {
        let bytes = self.bytes();
        let stop = || stop(bytes);
        let grown = |now: usize, then: usize| now as f64 > PRUNE_GROWTH * then as f64 + 4.0;
        if grown(self.alphas.len(), self.vectors_at_prune) {
            self.prune_vectors(&stop);
            self.vectors_at_prune = self.alphas.len();
        }
        if grown(self.points.len(), self.points_at_prune) && !stop() {
            self.points.prune(&self.corners, self.pomdp.n_states(), ROUNDING * self.scale);
            self.points_at_prune = self.points.len();
        }
    }

    /// Deletes vectors that are nowhere the largest on the live beliefs nor within `delta` of the largest.
    fn prune_vectors(&mut self, stop: &(dyn Fn() -> bool + Sync)) {
        let live = self.tree.live();
        let mut kept = vec![false; self.alphas.stamp() as usize];
        for &id in &live {
            if stop() {
                return;
            }
            self.refresh_lower(id);
            let node = self.tree.node(id);
            kept[self.alphas.best(&node.belief, 0, (f64::NEG_INFINITY, 0)).1 as usize] = true;
        }
        let candidates: Vec<u32> = self.alphas.living().iter().copied().filter(|&id| !kept[id as usize]).collect();
        let spared: Vec<bool> = candidates.par_iter().map(|&id| stop() || self.is_near_best_somewhere(id, &live)).collect();
        candidates.iter().zip(spared).for_each(|(&id, spared)| kept[id as usize] = spared);
        self.alphas.retain(|id| kept[id as usize]);
    }

    /// Whether some live belief is at most `delta` from where `vector` would be as good as the best one.
    fn is_near_best_somewhere(&self, vector: u32, live: &[usize]) -> bool {
        let candidate = self.alphas.vector(vector);
        // Few vectors are the best somewhere, so their distances are computed once.
        let mut distances: HashMap<u32, f64> = HashMap::new();
        live.iter().any(|&id| {
            let node = self.tree.node(id);
            let behind = node.lower - node.belief.dot(candidate);
            let distance = *distances.entry(node.vector).or_insert_with(|| {
                let best = self.alphas.vector(node.vector);
                best.iter().zip(candidate).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
            });
            behind <= self.solver.delta * distance
        })
    }

    /// The living vectors and the upper bound.
    pub(crate) fn finish(self) -> Outcome {
        let (alphas, ids) = self.alphas.rows();
        let actions = ids.iter().map(|&id| self.alphas.action(id)).collect();
        let points = self.points.iter().map(|(b, v)| (b.clone(), v)).collect();
        Outcome { alphas, actions, upper: self.start, corners: self.corners, points }
    }
}

impl Branch {
    fn bytes(&self) -> usize {
        160 + 8 * (self.probability.len() + self.lower.len() + self.upper.len()) + 4 * self.winner.len() + 8 * self.children.len()
    }
}
