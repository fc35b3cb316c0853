//! The beliefs reached so far. Equal beliefs are stored once, so the tree is in fact a graph.

use super::belief::Belief;
use super::bins::Membership;
use std::collections::HashMap;

/// What is known of taking one action at one belief. The arrays run over observations; the bounds are those of the unnormalised next
/// belief, so they already carry the probability of the observation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Branch {
    /// `P(z|b,a)`.
    pub(crate) probability: Vec<f64>,
    /// Lower bounds and the vectors that give them; empty until asked for.
    pub(crate) lower: Vec<f64>,
    pub(crate) winner: Vec<u32>,
    /// Vectors with smaller identities are already in `lower`.
    pub(crate) vectors_seen: u32,
    /// Upper bounds; empty until asked for.
    pub(crate) upper: Vec<f64>,
    /// Points with smaller identities are already in `upper`.
    pub(crate) points_seen: u64,
    /// Number of changes of the corner values and children already in `upper`.
    pub(crate) changes_seen: u64,
    /// (observation, node) of the next beliefs made so far.
    pub(crate) children: Vec<(u32, u32)>,
}

/// One belief with its bounds.
pub(crate) struct Node {
    pub(crate) belief: Belief,
    pub(crate) entropy: f64,
    pub(crate) lower: f64,
    /// Vector that gives `lower`.
    pub(crate) vector: u32,
    pub(crate) vectors_seen: u32,
    pub(crate) upper: f64,
    /// Upper bound on the value of every action; minus infinity once the action is known not to be the best.
    pub(crate) q_upper: Box<[f64]>,
    /// Lower bound on the value of every action; minus infinity until looked at.
    pub(crate) q_lower: Box<[f64]>,
    pub(crate) branches: Box<[Option<Box<Branch>>]>,
    pub(crate) bins: Option<Membership>,
    /// Identity of this belief's point of the upper bound.
    pub(crate) point: Option<u64>,
}

/// All nodes; the root is the first.
#[derive(Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    by_key: HashMap<u64, Vec<u32>>,
    bytes: u64,
}

impl Tree {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, id: usize) -> &Node {
        &self.nodes[id]
    }

    pub(crate) fn node_mut(&mut self, id: usize) -> &mut Node {
        &mut self.nodes[id]
    }

    /// The node of this belief, where there is one.
    pub(crate) fn find(&self, belief: &Belief) -> Option<usize> {
        let candidates = self.by_key.get(&belief.key())?;
        candidates.iter().map(|&id| id as usize).find(|&id| self.nodes[id].belief.close_to(belief))
    }

    /// Adds a node.
    pub(crate) fn push(&mut self, node: Node) -> usize {
        let id = self.nodes.len();
        self.bytes += 200 + 12 * node.belief.states.len() as u64 + 24 * node.q_upper.len() as u64;
        self.by_key.entry(node.belief.key()).or_default().push(id as u32);
        self.nodes.push(node);
        id
    }

    /// Takes account of `bytes` more in a node.
    pub(crate) fn grow(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Takes account of `bytes` less.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes as u64);
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Nodes that can be reached from the root by actions not yet excluded, ascending.
    pub(crate) fn live(&self) -> Vec<usize> {
        let mut reached = vec![false; self.nodes.len()];
        let mut open = vec![0usize];
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut reached[id], true) {
                continue;
            }
            let children = self.nodes[id].branches.iter().flatten().flat_map(|b| b.children.iter().map(|c| c.1 as usize));
            open.extend(children.filter(|&c| !reached[c]));
        }
        (0..self.nodes.len()).filter(|&id| reached[id]).collect()
    }
}

impl Node {
    /// First action with the largest upper bound.
    pub(crate) fn most_promising(&self) -> usize {
        first_largest(&self.q_upper)
    }

    /// Largest lower bound over actions looked at, and the belief's own.
    pub(crate) fn best_lower(&self) -> f64 {
        self.q_lower.iter().fold(self.lower, |m, &q| m.max(q))
    }
}

/// Position of the first largest entry.
pub(crate) fn first_largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (i, &v) in values.iter().enumerate() {
        if v > values[best] {
            best = i;
        }
    }
    best
}
