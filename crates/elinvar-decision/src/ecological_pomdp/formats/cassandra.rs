//! Cassandra's `.pomdp` format.

use super::{MAX_ENTRIES, MAX_VALUES, NamedPomdp, at_line, bounded};
use crate::ecological_pomdp::pomdp::Pomdp;
use elinvar_core::{Result, error::suggestion};
use ndarray::{Array1, Array2, Array3};
use std::collections::HashMap;
use std::fmt::Write;

/// One word of the file.
#[derive(Clone, Copy)]
struct Token<'t> {
    text: &'t str,
    line: usize,
}

/// Words in order, with `:` as a word of its own; `#` starts a comment.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line_number = i + 1;
        for word in line.split('#').next().unwrap_or("").split_whitespace() {
            let mut rest = word;
            while let Some(position) = rest.find(':') {
                if position > 0 {
                    out.push(Token { text: &rest[..position], line: line_number });
                }
                out.push(Token { text: ":", line: line_number });
                rest = &rest[position + 1..];
            }
            if !rest.is_empty() {
                out.push(Token { text: rest, line: line_number });
            }
        }
    }
    out
}

/// Names with their positions.
#[derive(Default)]
struct Names {
    names: Vec<String>,
    positions: HashMap<String, usize>,
}

impl Names {
    fn new(names: Vec<String>) -> Self {
        let positions = names.iter().enumerate().map(|(i, n)| (n.clone(), i)).collect();
        Self { names, positions }
    }

    fn len(&self) -> usize {
        self.names.len()
    }

    /// Position of a name or number; `None` for `*`.
    fn find(&self, token: Token<'_>, what: &str) -> Result<Option<usize>> {
        if token.text == "*" {
            return Ok(None);
        }
        let by_number = || token.text.parse::<usize>().ok().filter(|i| *i < self.len());
        match self.positions.get(token.text).copied().or_else(by_number) {
            Some(i) => Ok(Some(i)),
            None => {
                let names: Vec<&str> = self.names.iter().take(20).map(String::as_str).collect();
                Err(at_line(token.line, format!("there is no {what} '{}'", token.text)).hint(suggestion(token.text, &names, "there are")))
            }
        }
    }
}

/// Rewards of one (action, state): a base for every outcome, and rules for some outcomes, later ones first.
#[derive(Clone, Default)]
struct RewardRules {
    base: f64,
    rules: Vec<(Option<usize>, Option<usize>, f64)>,
}

struct Reader<'t> {
    tokens: Vec<Token<'t>>,
    next: usize,
    discount: Option<f64>,
    cost: bool,
    states: Names,
    actions: Names,
    observations: Names,
    start: Option<Array1<f64>>,
    transition: Array3<f64>,
    observation: Array3<f64>,
    rewards: Vec<RewardRules>,
}

/// Reads a problem in Cassandra's format.
///
/// Rewards that depend on the next state or the observation are replaced by their expectations, which changes no policy. `values: cost` turns
/// the sign.
///
/// # Errors
/// A word that does not belong, an unknown name, missing numbers (each with its line), sizes above the limits, or probabilities that do not
/// sum to 1.
pub fn read_cassandra(text: &str) -> Result<NamedPomdp> {
    let mut reader = Reader {
        tokens: tokens(text),
        next: 0,
        discount: None,
        cost: false,
        states: Names::default(),
        actions: Names::default(),
        observations: Names::default(),
        start: None,
        transition: Array3::zeros((0, 0, 0)),
        observation: Array3::zeros((0, 0, 0)),
        rewards: Vec::new(),
    };
    while let Some(token) = reader.peek() {
        reader.next += 1;
        reader.section(token)?;
    }
    reader.finish()
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.next).copied()
    }

    fn peek_text(&self) -> &'t str {
        self.peek().map_or("", |t| t.text)
    }

    fn last_line(&self) -> usize {
        self.tokens.get(self.next.saturating_sub(1)).map_or(1, |t| t.line)
    }

    fn take(&mut self, what: &str) -> Result<Token<'t>> {
        let token = self.peek().ok_or_else(|| at_line(self.last_line(), format!("the file ends where {what} was expected")))?;
        self.next += 1;
        Ok(token)
    }

    fn colon(&mut self) -> Result<()> {
        let token = self.take("':'")?;
        if token.text == ":" { Ok(()) } else { Err(at_line(token.line, format!("expected ':', got '{}'", token.text))) }
    }

    fn number(&mut self, what: &str) -> Result<f64> {
        let token = self.take(what)?;
        token.text.parse().map_err(|_| at_line(token.line, format!("expected {what}, got '{}'", token.text)))
    }

    /// The words up to the next section.
    fn words(&mut self) -> Vec<Token<'t>> {
        let mut out = Vec::new();
        while let Some(token) = self.peek() {
            let followed_by_colon =
                self.tokens.get(self.next + 1).is_some_and(|t| t.text == ":" || t.text == "include" || t.text == "exclude");
            if is_section(token.text) && followed_by_colon {
                break;
            }
            out.push(token);
            self.next += 1;
        }
        out
    }

    fn section(&mut self, token: Token<'t>) -> Result<()> {
        match token.text {
            "discount" => {
                self.colon()?;
                self.discount = Some(self.number("the discount")?);
            }
            "values" => {
                self.colon()?;
                let word = self.take("'reward' or 'cost'")?;
                self.cost = match word.text {
                    "cost" => true,
                    "reward" => false,
                    other => return Err(at_line(word.line, format!("expected 'reward' or 'cost', got '{other}'"))),
                };
            }
            "states" => self.states = self.names("states")?,
            "actions" => self.actions = self.names("actions")?,
            "observations" => self.observations = self.names("observations")?,
            "start" => self.start(token.line)?,
            "T" => self.tensor_rule(token.line, true)?,
            "O" => self.tensor_rule(token.line, false)?,
            "R" => self.reward_rule(token.line)?,
            other => {
                return Err(at_line(token.line, format!("expected a section such as 'states:' or 'T:', got '{other}'")).hint(suggestion(
                    other,
                    &SECTIONS,
                    "the sections are",
                )));
            }
        }
        Ok(())
    }

    /// A count or a list of names.
    fn names(&mut self, what: &str) -> Result<Names> {
        self.colon()?;
        let line = self.last_line();
        let words = self.words();
        let count = if let [one] = words.as_slice() { one.text.parse::<usize>().ok() } else { None };
        let n = count.unwrap_or(words.len());
        if n == 0 || n > MAX_VALUES {
            return Err(at_line(line, format!("the number of {what} must be from 1 to {MAX_VALUES}, got {n}")));
        }
        let names = match count {
            Some(n) => (0..n).map(|i| i.to_string()).collect(),
            None => words.iter().map(|t| t.text.to_owned()).collect(),
        };
        Ok(Names::new(names))
    }

    /// Makes the tensors when they are first needed.
    fn ready(&mut self, line: usize) -> Result<()> {
        let (n_a, n_s, n_z) = (self.actions.len(), self.states.len(), self.observations.len());
        if n_a == 0 || n_s == 0 || n_z == 0 {
            return Err(at_line(line, "states, actions and observations must come before start, T, O and R"));
        }
        if self.rewards.is_empty() {
            bounded(&[n_a, n_s, n_s], MAX_ENTRIES, "the transition tensor")?;
            bounded(&[n_a, n_s, n_z], MAX_ENTRIES, "the observation tensor")?;
            self.transition = Array3::zeros((n_a, n_s, n_s));
            self.observation = Array3::zeros((n_a, n_s, n_z));
            self.rewards = vec![RewardRules::default(); n_a * n_s];
        }
        Ok(())
    }

    fn start(&mut self, line: usize) -> Result<()> {
        self.ready(line)?;
        let mode = if self.peek_text() == ":" { "" } else { self.take("':', 'include' or 'exclude'")?.text };
        self.colon()?;
        let words = self.words();
        let n = self.states.len();
        let mut prior = Array1::zeros(n);
        if mode.is_empty() && words.len() == n && n > 1 {
            for (p, word) in prior.iter_mut().zip(&words) {
                *p = word.text.parse().map_err(|_| at_line(word.line, format!("expected a probability, got '{}'", word.text)))?;
            }
        } else if mode.is_empty() && words.len() == 1 && words[0].text == "uniform" {
            prior.fill(1.0);
        } else if !words.is_empty() && (mode == "include" || mode == "exclude" || words.len() == 1) {
            for &word in &words {
                let state = self.states.find(word, "state")?.ok_or_else(|| at_line(word.line, "'*' is no start state"))?;
                prior[state] = 1.0;
            }
            if mode == "exclude" {
                prior.mapv_inplace(|p| 1.0 - p);
            }
        } else {
            return Err(at_line(line, format!("start must give {n} probabilities, 'uniform' or states, got {} words", words.len())));
        }
        let sum = prior.sum();
        if !((sum > 0.0) && prior.iter().all(|p| *p >= 0.0)) {
            return Err(at_line(line, "start must be non-negative and not 0 everywhere"));
        }
        self.start = Some(prior / sum);
        Ok(())
    }

    /// `T: a : s : s' p`, `T: a : s row`, `T: a matrix`, and the same for `O` with observations in place of the next states.
    fn tensor_rule(&mut self, line: usize, is_transition: bool) -> Result<()> {
        self.ready(line)?;
        self.colon()?;
        let token = self.take("an action")?;
        let action = self.actions.find(token, "action")?;
        let state = self.index(is_transition, 1)?;
        let outcome = if state.is_some() { self.index(is_transition, 2)? } else { None };
        let (n_a, n_s) = (self.actions.len(), self.states.len());
        let columns = if is_transition { n_s } else { self.observations.len() };
        let pick = |choice: Option<usize>, n: usize| choice.map_or(0..n, |i| i..i + 1);
        let row_range = pick(state.flatten(), n_s);
        match outcome {
            Some(column) => {
                let p = self.number("a probability")?;
                let column_range = pick(column, columns);
                self.each_row(is_transition, pick(action, n_a), row_range, |row, _| {
                    column_range.clone().for_each(|c| row[c] = p);
                });
            }
            None => {
                let n_rows = if state.is_some() { 1 } else { n_s };
                let block = self.block(n_rows, columns)?;
                self.each_row(is_transition, pick(action, n_a), row_range, |row, s| {
                    row.iter_mut().zip(block.row(if n_rows == 1 { 0 } else { s })).for_each(|(r, &p)| *r = p);
                });
            }
        }
        Ok(())
    }

    /// The optional `: name` at a depth of a T or O rule.
    fn index(&mut self, is_transition: bool, depth: usize) -> Result<Option<Option<usize>>> {
        if self.peek_text() != ":" {
            return Ok(None);
        }
        self.colon()?;
        let token = self.take("a name")?;
        if depth == 1 || is_transition { self.states.find(token, "state") } else { self.observations.find(token, "observation") }.map(Some)
    }

    /// Applies `write` to rows of a tensor.
    fn each_row(
        &mut self,
        is_transition: bool,
        actions: std::ops::Range<usize>,
        rows: std::ops::Range<usize>,
        write: impl Fn(&mut [f64], usize),
    ) {
        let tensor = if is_transition { &mut self.transition } else { &mut self.observation };
        let (_, n_rows, n_columns) = tensor.dim();
        let Some(data) = tensor.as_slice_mut() else { return };
        for a in actions {
            for s in rows.clone() {
                let start = (a * n_rows + s) * n_columns;
                write(&mut data[start..start + n_columns], s);
            }
        }
    }

    /// Numbers of a row or matrix, or `uniform` or `identity`.
    fn block(&mut self, rows: usize, columns: usize) -> Result<Array2<f64>> {
        match self.peek_text() {
            "uniform" => {
                self.next += 1;
                Ok(Array2::from_elem((rows, columns), 1.0 / columns as f64))
            }
            "identity" if rows == columns => {
                self.next += 1;
                Ok(Array2::eye(rows))
            }
            _ => {
                let mut block = Array2::zeros((rows, columns));
                for p in &mut block {
                    *p = self.number("a probability")?;
                }
                Ok(block)
            }
        }
    }

    /// `R: a : s : s' : z v`, `R: a : s : s' row`, `R: a : s matrix`.
    fn reward_rule(&mut self, line: usize) -> Result<()> {
        self.ready(line)?;
        self.colon()?;
        let token = self.take("an action")?;
        let action = self.actions.find(token, "action")?;
        self.colon()?;
        let token = self.take("a state")?;
        let state = self.states.find(token, "state")?;
        let next = self.index(true, 2)?;
        let observation = if next.is_some() { self.index(false, 2)? } else { None };
        match (next, observation) {
            (Some(next), Some(z)) => {
                let value = self.number("a reward")?;
                self.add_reward(action, state, next, z, value);
            }
            (Some(next), None) => {
                for z in 0..self.observations.len() {
                    let value = self.number("a reward")?;
                    self.add_reward(action, state, next, Some(z), value);
                }
            }
            (None, _) => {
                for next in 0..self.states.len() {
                    for z in 0..self.observations.len() {
                        let value = self.number("a reward")?;
                        self.add_reward(action, state, Some(next), Some(z), value);
                    }
                }
            }
        }
        Ok(())
    }

    fn add_reward(&mut self, action: Option<usize>, state: Option<usize>, next: Option<usize>, observation: Option<usize>, value: f64) {
        let (n_a, n_s) = (self.actions.len(), self.states.len());
        for a in action.map_or(0..n_a, |a| a..a + 1) {
            for s in state.map_or(0..n_s, |s| s..s + 1) {
                let cell = &mut self.rewards[a * n_s + s];
                if next.is_none() && observation.is_none() {
                    // It covers every outcome, so all earlier rules are void.
                    *cell = RewardRules { base: value, rules: Vec::new() };
                } else {
                    cell.rules.push((next, observation, value));
                }
            }
        }
    }

    /// Expected reward of every (state, action).
    fn expected_rewards(&self) -> Array2<f64> {
        let n_s = self.states.len();
        let sign = if self.cost { -1.0 } else { 1.0 };
        Array2::from_shape_fn((n_s, self.actions.len()), |(s, a)| sign * self.expected_reward(a, s, &self.rewards[a * n_s + s]))
    }

    fn expected_reward(&self, action: usize, state: usize, cell: &RewardRules) -> f64 {
        if cell.rules.is_empty() {
            return cell.base;
        }
        // The last rule that fits counts: the table keeps, for each outcome, the latest of its four kinds of rules.
        let mut latest: HashMap<(Option<usize>, Option<usize>), (usize, f64)> = HashMap::new();
        for (i, &(next, z, value)) in cell.rules.iter().enumerate() {
            latest.insert((next, z), (i, value));
        }
        let reward = |next: usize, z: usize| {
            let kinds = [(Some(next), Some(z)), (Some(next), None), (None, Some(z))];
            kinds.iter().filter_map(|k| latest.get(k)).max_by_key(|r| r.0).map_or(cell.base, |r| r.1)
        };
        let mut total = 0.0;
        for next in 0..self.states.len() {
            let t = self.transition[[action, state, next]];
            if t > 0.0 {
                let outcomes = (0..self.observations.len()).map(|z| (z, self.observation[[action, next, z]]));
                total += outcomes.filter(|(_, o)| *o > 0.0).map(|(z, o)| t * o * reward(next, z)).sum::<f64>();
            }
        }
        total
    }

    fn finish(mut self) -> Result<NamedPomdp> {
        let line = self.last_line();
        self.ready(line)?;
        let discount = self.discount.ok_or_else(|| at_line(line, "the file gives no discount"))?;
        let reward = self.expected_rewards();
        let pomdp = Pomdp::new(self.transition, self.observation, reward, discount, self.start)?;
        Ok(NamedPomdp { pomdp, states: self.states.names, actions: self.actions.names, observations: self.observations.names })
    }
}

const SECTIONS: [&str; 9] = ["discount", "values", "states", "actions", "observations", "start", "T", "O", "R"];

fn is_section(word: &str) -> bool {
    SECTIONS.contains(&word)
}

/// Writes a problem in Cassandra's format, with every number in full precision.
///
/// # Errors
/// When a tensor has more entries than the reader accepts.
pub fn write_cassandra(named: &NamedPomdp) -> Result<String> {
    let pomdp = &named.pomdp;
    let (n_a, n_s, n_z) = (pomdp.n_actions(), pomdp.n_states(), pomdp.n_observations());
    bounded(&[n_a, n_s, n_s], MAX_ENTRIES, "the transition tensor")?;
    bounded(&[n_a, n_s, n_z], MAX_ENTRIES, "the observation tensor")?;
    let list = |names: &[String]| names.join(" ");
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "discount: {}\nvalues: reward\nstates: {}", pomdp.discount(), list(&named.states));
    let _ = writeln!(out, "actions: {}\nobservations: {}", list(&named.actions), list(&named.observations));
    let _ = writeln!(out, "start: {}\n", numbers(pomdp.prior().iter()));
    for (a, action) in named.actions.iter().enumerate() {
        let _ = writeln!(out, "T: {action}");
        push_rows(&mut out, (0..n_s).map(|s| pomdp.transition_row(a, s)));
    }
    let matrices = if (0..n_a).all(|a| pomdp.observation_index(a) == 0) { 1 } else { n_a };
    for (a, action) in named.actions.iter().enumerate().take(matrices) {
        let _ = writeln!(out, "O: {}", if matrices == 1 { "*" } else { action });
        push_rows(&mut out, (0..n_s).map(|s| pomdp.observation_row(a, s)));
    }
    for (a, action) in named.actions.iter().enumerate() {
        for (s, state) in named.states.iter().enumerate() {
            let _ = writeln!(out, "R: {action} : {state} : * : * {}", pomdp.reward()[[s, a]]);
        }
    }
    Ok(out)
}

fn push_rows(out: &mut String, rows: impl Iterator<Item = Array1<f64>>) {
    for row in rows {
        out.push_str(&numbers(row.iter()));
        out.push('\n');
    }
}

/// Numbers separated by spaces, each so that reading gives the same bits.
pub(super) fn numbers<'n>(values: impl Iterator<Item = &'n f64>) -> String {
    values.map(|v| v.to_string()).collect::<Vec<_>>().join(" ")
}
