//! APPL's POMDPX format: factored problems in XML. Factored states, actions and observations become one of each.

use super::cassandra::numbers;
use super::xml::{self, Element, escape};
use super::{MAX_ENTRIES, MAX_VALUES, NamedPomdp, at_line, bounded};
use crate::ecological_pomdp::pomdp::Pomdp;
use elinvar_core::Result;
use ndarray::{Array1, Array2, Array3};
use std::fmt::Write;

/// One variable: names of its values.
struct Variable {
    name: String,
    values: Vec<String>,
}

/// All variables; slots number state variables before the step, after it, actions and observations, in this order.
struct Variables {
    previous: Vec<Variable>,
    current: Vec<Variable>,
    actions: Vec<Variable>,
    observations: Vec<Variable>,
    rewards: Vec<String>,
}

impl Variables {
    fn groups(&self) -> [&Vec<Variable>; 4] {
        [&self.previous, &self.current, &self.actions, &self.observations]
    }

    /// Slot of a name and its variable.
    fn find(&self, name: &str, line: usize) -> Result<(usize, &Variable)> {
        let all = self.groups().into_iter().flatten().enumerate();
        all.into_iter().find(|(_, v)| v.name == name).ok_or_else(|| at_line(line, format!("there is no variable '{name}'")))
    }

    fn n_slots(&self) -> usize {
        self.groups().iter().map(|g| g.len()).sum()
    }

    /// First slot of a group.
    fn offset(&self, group: usize) -> usize {
        self.groups()[..group].iter().map(|g| g.len()).sum()
    }
}

/// A table over some slots, the last one fastest.
struct Table {
    slots: Vec<usize>,
    strides: Vec<usize>,
    data: Vec<f64>,
}

impl Table {
    fn at(&self, values: &[usize]) -> f64 {
        self.data[self.slots.iter().zip(&self.strides).map(|(&slot, stride)| values[slot] * stride).sum::<usize>()]
    }
}

/// Reads a POMDPX problem with tables (`type="TBL"`).
///
/// Several state, action or observation variables are multiplied out, the last one fastest. Rewards that depend on the next state or the
/// observation are replaced by their expectations; several reward variables are added.
///
/// # Errors
/// Text that is not well formed XML, decision diagrams (`type="DD"`), unknown variables or values, tables of the wrong size (each with its
/// line), sizes above the limits, or probabilities that do not sum to 1.
pub fn read_pomdpx(text: &str) -> Result<NamedPomdp> {
    let root = xml::read(text)?;
    let variables = read_variables(root.need("Variable")?)?;
    let [previous, _, actions, observations] = variables.groups();
    let (n_s, n_a, n_z) = (group_size(previous)?, group_size(actions)?, group_size(observations)?);
    bounded(&[n_a, n_s, n_s], MAX_ENTRIES, "the transition tensor")?;
    bounded(&[n_a, n_s, n_z], MAX_ENTRIES, "the observation tensor")?;
    let discount = root.need("Discount")?;
    let discount = *discount.numbers()?.first().ok_or_else(|| at_line(discount.line, "<Discount> must hold a number"))?;
    let first = read_tables(&root, "InitialStateBelief", &variables)?;
    let moves = read_tables(&root, "StateTransitionFunction", &variables)?;
    let sees = read_tables(&root, "ObsFunction", &variables)?;
    let pays = read_tables(&root, "RewardFunction", &variables)?;
    let joint = Joint { variables: &variables, sizes: (n_s, n_a, n_z) };
    let prior = Array1::from_shape_fn(n_s, |s| joint.product(&first, Some(s), None, None, None));
    let transition = Array3::from_shape_fn((n_a, n_s, n_s), |(a, s, next)| joint.product(&moves, Some(s), Some(next), Some(a), None));
    let observation = Array3::from_shape_fn((n_a, n_s, n_z), |(a, next, z)| joint.product(&sees, None, Some(next), Some(a), Some(z)));
    let reward = joint.expected_rewards(&pays, &transition, &observation);
    let pomdp = Pomdp::new(transition, observation, reward, discount, Some(prior))?;
    let names = |group: &[Variable]| joint_names(group);
    Ok(NamedPomdp { states: names(previous), actions: names(actions), observations: names(observations), pomdp })
}

fn group_size(group: &[Variable]) -> Result<usize> {
    let sizes: Vec<usize> = group.iter().map(|v| v.values.len()).collect();
    bounded(&sizes, MAX_VALUES, "the product of the variables")
}

fn read_variables(element: &Element) -> Result<Variables> {
    let mut out = Variables { previous: vec![], current: vec![], actions: vec![], observations: vec![], rewards: vec![] };
    let name = |e: &Element, attribute: &str| -> Result<String> {
        e.attribute(attribute).map(str::to_owned).ok_or_else(|| at_line(e.line, format!("<{}> must have '{attribute}'", e.name)))
    };
    for e in &element.children {
        match e.name.as_str() {
            "StateVar" => {
                out.previous.push(Variable { name: name(e, "vnamePrev")?, values: value_names(e, "s")? });
                out.current.push(Variable { name: name(e, "vnameCurr")?, values: value_names(e, "s")? });
            }
            "ActionVar" => out.actions.push(Variable { name: name(e, "vname")?, values: value_names(e, "a")? }),
            "ObsVar" => out.observations.push(Variable { name: name(e, "vname")?, values: value_names(e, "o")? }),
            "RewardVar" => out.rewards.push(name(e, "vname")?),
            other => {
                return Err(at_line(
                    e.line,
                    format!("<Variable> must hold state, action, observation and reward variables, got <{other}>"),
                ));
            }
        }
    }
    if out.previous.is_empty() || out.actions.is_empty() || out.observations.is_empty() {
        return Err(at_line(element.line, "there must be a state, an action and an observation variable"));
    }
    Ok(out)
}

/// Names from `ValueEnum`, or numbered ones from `NumValues`.
fn value_names(element: &Element, letter: &str) -> Result<Vec<String>> {
    let names = match (element.child("ValueEnum"), element.child("NumValues")) {
        (Some(list), _) => list.text.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
        (None, Some(count)) => {
            let n = count.numbers()?.first().copied().unwrap_or(0.0);
            if !(n >= 1.0 && n <= MAX_VALUES as f64) {
                return Err(at_line(count.line, format!("<NumValues> must be from 1 to {MAX_VALUES}, got {n}")));
            }
            (0..n as usize).map(|i| format!("{letter}{i}")).collect()
        }
        (None, None) => return Err(at_line(element.line, format!("<{}> must hold <ValueEnum> or <NumValues>", element.name))),
    };
    if names.is_empty() { Err(at_line(element.line, "a variable must have at least one value")) } else { Ok(names) }
}

/// The tables of one part of the file.
fn read_tables(root: &Element, part: &str, variables: &Variables) -> Result<Vec<Table>> {
    let part = root.need(part)?;
    part.children.iter().filter(|c| c.name == "CondProb" || c.name == "Func").map(|c| read_table(c, variables)).collect()
}

fn read_table(element: &Element, variables: &Variables) -> Result<Table> {
    let parameter = element.need("Parameter")?;
    if parameter.attribute("type").is_some_and(|t| t != "TBL") {
        return Err(at_line(parameter.line, "decision diagrams (type=\"DD\") are not supported").hint("write the problem with tables"));
    }
    let mut names: Vec<&str> = element.child("Parent").map_or(vec![], |p| p.text.split_whitespace().filter(|w| *w != "null").collect());
    let var = element.need("Var")?;
    let own = var.text.trim();
    if !variables.rewards.iter().any(|r| r == own) {
        names.push(own);
    }
    let found = names.iter().map(|n| variables.find(n, element.line)).collect::<Result<Vec<_>>>()?;
    let sizes: Vec<usize> = found.iter().map(|(_, v)| v.values.len()).collect();
    let total = bounded(&sizes, MAX_ENTRIES, "a table")?;
    let strides: Vec<usize> = (0..sizes.len()).map(|i| sizes[i + 1..].iter().product()).collect();
    let mut table = Table { slots: found.iter().map(|f| f.0).collect(), strides, data: vec![0.0; total] };
    let values: Vec<&[String]> = found.iter().map(|(_, v)| v.values.as_slice()).collect();
    for entry in parameter.all("Entry") {
        fill(&mut table, entry, &values)?;
    }
    Ok(table)
}

/// How one word of an instance is read.
enum Choice {
    One(usize),
    /// `*`: the same numbers for every value.
    Any,
    /// `-`: one number for each value.
    Each,
}

/// Writes one entry into a table.
fn fill(table: &mut Table, entry: &Element, values: &[&[String]]) -> Result<()> {
    let instance = entry.need("Instance")?;
    let numbers = entry.child("ProbTable").or_else(|| entry.child("ValueTable"));
    let numbers = numbers.ok_or_else(|| at_line(entry.line, "<Entry> must hold <ProbTable> or <ValueTable>"))?;
    let words: Vec<&str> = instance.text.split_whitespace().collect();
    if words.len() != values.len() {
        return Err(at_line(instance.line, format!("<Instance> must name {} values, got {}", values.len(), words.len())));
    }
    let choices = words.iter().zip(values).map(|(w, names)| choice(w, names, instance.line)).collect::<Result<Vec<_>>>()?;
    let each: Vec<usize> = (0..choices.len()).filter(|&i| matches!(choices[i], Choice::Each)).collect();
    let sizes: Vec<usize> = each.iter().map(|&i| values[i].len()).collect();
    let data = entry_numbers(numbers, &sizes)?;
    // The positions of the fixed and free words, then the enumerated ones on top.
    let mut bases = vec![0usize];
    for (i, choice) in choices.iter().enumerate() {
        let stride = table.strides[i];
        bases = match choice {
            Choice::One(v) => bases.into_iter().map(|b| b + v * stride).collect(),
            Choice::Any => bases.into_iter().flat_map(|b| (0..values[i].len()).map(move |v| b + v * stride)).collect(),
            Choice::Each => bases,
        };
    }
    for (k, &number) in data.iter().enumerate() {
        let mut rest = k;
        let mut offset = 0;
        for (&i, &size) in each.iter().zip(&sizes).rev() {
            offset += rest % size * table.strides[i];
            rest /= size;
        }
        bases.iter().for_each(|b| table.data[b + offset] = number);
    }
    Ok(())
}

fn choice(word: &str, names: &[String], line: usize) -> Result<Choice> {
    match word {
        "*" => Ok(Choice::Any),
        "-" => Ok(Choice::Each),
        _ => {
            let found = names.iter().position(|n| n == word);
            found.map(Choice::One).ok_or_else(|| at_line(line, format!("there is no value '{word}'")))
        }
    }
}

/// The numbers of an entry; `uniform` and `identity` are written out.
fn entry_numbers(element: &Element, sizes: &[usize]) -> Result<Vec<f64>> {
    let total = bounded(sizes, MAX_ENTRIES, "an entry")?;
    let last = sizes.last().copied().unwrap_or(1);
    let data = match element.text.trim() {
        "uniform" => vec![1.0 / last as f64; total],
        "identity" if sizes.len() == 2 && sizes[0] == sizes[1] => (0..total).map(|k| f64::from(u8::from(k / last == k % last))).collect(),
        _ => element.numbers()?,
    };
    if data.len() != total {
        return Err(at_line(element.line, format!("<{}> must hold {total} numbers, got {}", element.name, data.len())));
    }
    Ok(data)
}

/// Products of tables at joint positions.
struct Joint<'v> {
    variables: &'v Variables,
    /// States, actions, observations.
    sizes: (usize, usize, usize),
}

impl Joint<'_> {
    /// Values of all slots at joint positions; slots of absent ones are 0.
    fn slots(&self, state: Option<usize>, next: Option<usize>, action: Option<usize>, observation: Option<usize>) -> Vec<usize> {
        let mut out = vec![0; self.variables.n_slots()];
        for (g, (group, joint)) in self.variables.groups().into_iter().zip([state, next, action, observation]).enumerate() {
            let mut rest = joint.unwrap_or(0);
            for (i, variable) in group.iter().enumerate().rev() {
                out[self.variables.offset(g) + i] = rest % variable.values.len();
                rest /= variable.values.len();
            }
        }
        out
    }

    fn product(&self, tables: &[Table], s: Option<usize>, next: Option<usize>, a: Option<usize>, z: Option<usize>) -> f64 {
        let slots = self.slots(s, next, a, z);
        tables.iter().map(|t| t.at(&slots)).product()
    }

    /// Expected rewards (states, actions).
    fn expected_rewards(&self, tables: &[Table], transition: &Array3<f64>, observation: &Array3<f64>) -> Array2<f64> {
        let (n_s, n_a, _) = self.sizes;
        let (first_next, first_z) = (self.variables.offset(1), self.variables.offset(3));
        let uses = |table: &Table, from: usize, n: usize| table.slots.iter().any(|s| (from..from + n).contains(s));
        Array2::from_shape_fn((n_s, n_a), |(s, a)| {
            let one = |table: &Table| -> f64 {
                let on_z = uses(table, first_z, self.variables.observations.len());
                if !on_z && !uses(table, first_next, self.variables.current.len()) {
                    return table.at(&self.slots(Some(s), None, Some(a), None));
                }
                self.expectation(table, s, a, on_z, transition, observation)
            };
            tables.iter().map(one).sum()
        })
    }

    fn expectation(&self, table: &Table, s: usize, a: usize, on_z: bool, transition: &Array3<f64>, observation: &Array3<f64>) -> f64 {
        let (n_s, _, n_z) = self.sizes;
        let mut total = 0.0;
        for next in (0..n_s).filter(|&next| transition[[a, s, next]] > 0.0) {
            let t = transition[[a, s, next]];
            if !on_z {
                total += t * table.at(&self.slots(Some(s), Some(next), Some(a), None));
                continue;
            }
            let seen = (0..n_z).filter(|&z| observation[[a, next, z]] > 0.0);
            total +=
                seen.map(|z| t * observation[[a, next, z]] * table.at(&self.slots(Some(s), Some(next), Some(a), Some(z)))).sum::<f64>();
        }
        total
    }
}

/// Names of the joint values, joined by `/`.
fn joint_names(group: &[Variable]) -> Vec<String> {
    let mut names = vec![String::new()];
    for variable in group {
        let join = |head: &String, tail: &String| if head.is_empty() { tail.clone() } else { format!("{head}/{tail}") };
        names = names.iter().flat_map(|head| variable.values.iter().map(move |tail| join(head, tail))).collect();
    }
    names
}

/// Writes a problem as POMDPX with one variable each for state, action and observation; numbers in full precision.
///
/// # Errors
/// When a tensor has more entries than the reader accepts.
pub fn write_pomdpx(named: &NamedPomdp) -> Result<String> {
    let pomdp = &named.pomdp;
    let (n_a, n_s, n_z) = (pomdp.n_actions(), pomdp.n_states(), pomdp.n_observations());
    bounded(&[n_a, n_s, n_s], MAX_ENTRIES, "the transition tensor")?;
    bounded(&[n_a, n_s, n_z], MAX_ENTRIES, "the observation tensor")?;
    let list = |names: &[String]| escape(&names.join(" "));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<pomdpx version=\"1.0\">\n");
    // Writing to a string cannot fail.
    let _ = writeln!(out, "<Discount>{}</Discount>\n<Variable>", pomdp.discount());
    let _ =
        writeln!(out, "<StateVar vnamePrev=\"state_0\" vnameCurr=\"state_1\"><ValueEnum>{}</ValueEnum></StateVar>", list(&named.states));
    let _ = writeln!(out, "<ObsVar vname=\"obs\"><ValueEnum>{}</ValueEnum></ObsVar>", list(&named.observations));
    let _ = writeln!(
        out,
        "<ActionVar vname=\"action\"><ValueEnum>{}</ValueEnum></ActionVar>\n<RewardVar vname=\"reward\"/>\n</Variable>",
        list(&named.actions)
    );
    part(&mut out, "InitialStateBelief", ("CondProb", "state_0", "null"), [("-".to_owned(), numbers(pomdp.prior().iter()))].into_iter());
    let pairs = || {
        named
            .actions
            .iter()
            .enumerate()
            .flat_map(|(a, action)| named.states.iter().enumerate().map(move |(s, state)| (a, s, action, state)))
    };
    let row = |a: usize, s: usize, action: &str, state: &str| (format!("{action} {state} -"), numbers(pomdp.transition_row(a, s).iter()));
    part(&mut out, "StateTransitionFunction", ("CondProb", "state_1", "action state_0"), pairs().map(|(a, s, x, y)| row(a, s, x, y)));
    let shared = (0..n_a).all(|a| pomdp.observation_index(a) == 0);
    let seen = |a: usize, s: usize, action: &str, state: &str| {
        (format!("{} {state} -", if shared { "*" } else { action }), numbers(pomdp.observation_row(a, s).iter()))
    };
    let kept = pairs().filter(|(a, ..)| !shared || *a == 0);
    part(&mut out, "ObsFunction", ("CondProb", "obs", "action state_1"), kept.map(|(a, s, x, y)| seen(a, s, x, y)));
    let paid = pairs().map(|(a, s, action, state)| (format!("{action} {state}"), pomdp.reward()[[s, a]].to_string()));
    part(&mut out, "RewardFunction", ("Func", "reward", "action state_0"), paid);
    out.push_str("</pomdpx>\n");
    Ok(out)
}

/// One part with a single table.
fn part(out: &mut String, name: &str, (kind, variable, parent): (&str, &str, &str), entries: impl Iterator<Item = (String, String)>) {
    let table = if kind == "Func" { "ValueTable" } else { "ProbTable" };
    let _ = writeln!(out, "<{name}><{kind}><Var>{variable}</Var><Parent>{parent}</Parent><Parameter type=\"TBL\">");
    for (instance, numbers) in entries {
        let _ = writeln!(out, "<Entry><Instance>{}</Instance><{table}>{numbers}</{table}></Entry>", escape(&instance));
    }
    let _ = writeln!(out, "</Parameter></{kind}></{name}>");
}
