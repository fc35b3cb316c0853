//! The subset of R's model formulas that the method understands: `y ~ a*b + c:d + (1 + a | group)`.

use elinvar_core::{Error, Kind, Result};

/// A product of columns.
pub(super) type Product = Vec<String>;

/// What stands in the random bracket.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Random {
    pub(super) intercept: bool,
    pub(super) terms: Vec<Product>,
    pub(super) group: String,
}

/// A parsed formula.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Formula {
    pub(super) target: Option<String>,
    pub(super) intercept: bool,
    pub(super) terms: Vec<Product>,
    pub(super) random: Option<Random>,
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// Anything outside the subset, with the place.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (left, right) = text.split_once('~').ok_or_else(|| wrong(text, "a '~' between target and terms"))?;
        let target = match tokens(left, text)?.as_slice() {
            [] => None,
            [Token::Name(name)] => Some(name.clone()),
            _ => return Err(wrong(text, "one column before '~'")),
        };
        let mut formula = Formula { target, intercept: true, terms: Vec::new(), random: None };
        let tokens = tokens(right, text)?;
        let mut rest = tokens.as_slice();
        while let Some(open) = rest.iter().position(|t| *t == Token::Sign('(')) {
            let close = rest.iter().position(|t| *t == Token::Sign(')')).filter(|close| *close > open);
            let close = close.ok_or_else(|| wrong(text, "a ')' after '('"))?;
            if formula.random.is_some() {
                return Err(wrong(text, "one random bracket").hint("crossed and nested random effects are not offered"));
            }
            formula.random = Some(random(&rest[open + 1..close], text)?);
            let before = match rest[..open].split_last() {
                None => &rest[..open],
                Some((Token::Sign('+'), before)) => before,
                Some(_) => return Err(wrong(text, "a '+' before the random bracket")),
            };
            sum(before, &mut formula.intercept, &mut formula.terms, text)?;
            rest = match rest[close + 1..].split_first() {
                None => &[],
                Some((Token::Sign('+'), after)) if !after.is_empty() => after,
                Some(_) => return Err(wrong(text, "a '+' after the random bracket")),
            };
        }
        sum(rest, &mut formula.intercept, &mut formula.terms, text)?;
        Ok(formula)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Sign(char),
}

fn wrong(formula: &str, expected: &str) -> Error {
    Error::new(Kind::Parameter, format!("parameter 'formula' must be like 'y ~ a*b + (1 + a | group)' with {expected}, got '{formula}'"))
}

fn tokens(text: &str, whole: &str) -> Result<Vec<Token>> {
    const SIGNS: &str = "+-*:|()";
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        if SIGNS.contains(first) {
            tokens.push(Token::Sign(first));
            rest = rest[1..].trim_start();
            continue;
        }
        if first == '~' {
            return Err(wrong(whole, "one '~'"));
        }
        let (name, after) = match rest.strip_prefix('`') {
            Some(quoted) => quoted.split_once('`').ok_or_else(|| wrong(whole, "a second '`' around the name"))?,
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || SIGNS.contains(c) || c == '~').unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        tokens.push(Token::Name(name.to_owned()));
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn random(tokens: &[Token], text: &str) -> Result<Random> {
    let bar = tokens.iter().position(|t| *t == Token::Sign('|')).ok_or_else(|| wrong(text, "a '|' in the random bracket"))?;
    let [Token::Name(group)] = &tokens[bar + 1..] else { return Err(wrong(text, "one column after '|'")) };
    let (mut intercept, mut terms) = (true, Vec::new());
    sum(&tokens[..bar], &mut intercept, &mut terms, text)?;
    if !intercept && terms.is_empty() {
        return Err(wrong(text, "at least one random effect"));
    }
    Ok(Random { intercept, terms, group: group.clone() })
}

/// Terms with `+` between them; `1`, `0` and `- 1` speak of the intercept.
fn sum(tokens: &[Token], intercept: &mut bool, terms: &mut Vec<Product>, text: &str) -> Result<()> {
    if tokens.is_empty() {
        return Ok(());
    }
    for part in tokens.split(|t| *t == Token::Sign('+')) {
        let (term, removed) = match part.iter().position(|t| *t == Token::Sign('-')) {
            Some(minus) if part[minus + 1..] == [Token::Name("1".into())] => (&part[..minus], true),
            Some(_) => return Err(wrong(text, "'- 1' as the only subtraction")),
            None => (part, false),
        };
        *intercept &= !removed;
        match term {
            [] if removed => {}
            [Token::Name(one)] if one == "1" => {}
            [Token::Name(zero)] if zero == "0" => *intercept = false,
            _ => add_crossing(term, terms, text)?,
        }
    }
    Ok(())
}

/// `a*b` is `a + b + a:b`.
fn add_crossing(tokens: &[Token], terms: &mut Vec<Product>, text: &str) -> Result<()> {
    let factors: Vec<Product> = tokens.split(|t| *t == Token::Sign('*')).map(|part| interaction(part, text)).collect::<Result<_>>()?;
    if factors.len() > 8 {
        return Err(wrong(text, "at most 8 columns crossed by '*'"));
    }
    let mut subsets: Vec<usize> = (1..1 << factors.len()).collect();
    subsets.sort_by_key(|subset| subset.count_ones());
    for subset in subsets {
        let mut product = Product::new();
        for name in factors.iter().enumerate().filter(|(k, _)| subset >> k & 1 == 1).flat_map(|(_, factor)| factor) {
            if !product.contains(name) {
                product.push(name.clone());
            }
        }
        if !terms.contains(&product) {
            terms.push(product);
        }
    }
    Ok(())
}

fn interaction(tokens: &[Token], text: &str) -> Result<Product> {
    let name = |part: &[Token]| match part {
        [Token::Name(name)] if name.parse::<f64>().is_err() => Ok(name.clone()),
        _ => Err(wrong(text, "names of columns with '+', '*' or ':' between them")),
    };
    tokens.split(|t| *t == Token::Sign(':')).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn products(terms: &[&[&str]]) -> Vec<Product> {
        terms.iter().map(|t| t.iter().map(|s| (*s).to_owned()).collect()).collect()
    }

    #[test]
    fn crossings_and_brackets() {
        let formula = Formula::parse("distance ~ age*Sex + (1+age|Subject)").unwrap();
        assert_eq!(formula.target.as_deref(), Some("distance"));
        assert!(formula.intercept);
        assert_eq!(formula.terms, products(&[&["age"], &["Sex"], &["age", "Sex"]]));
        assert_eq!(formula.random, Some(Random { intercept: true, terms: products(&[&["age"]]), group: "Subject".into() }));
        let formula = Formula::parse(" ~ 0 + (x | g) + `a b`:c + c - 1").unwrap();
        assert_eq!((formula.target, formula.intercept), (None, false));
        assert_eq!(formula.terms, products(&[&["a b", "c"], &["c"]]));
        assert_eq!(Formula::parse("y ~ a*b*c").unwrap().terms.len(), 7);
        assert_eq!(Formula::parse("y ~ 1").unwrap().terms, Vec::<Product>::new());
        assert!(!Formula::parse("y ~ (0 + t | g)").unwrap().random.unwrap().intercept);
    }

    #[test]
    fn what_is_outside_the_subset_is_refused() {
        let message = |text: &str| Formula::parse(text).unwrap_err().to_string();
        for (text, expected) in [
            ("y + a", "a '~' between target and terms"),
            ("y ~ a ~ b", "one '~'"),
            ("y ~ a + (1|g) + (1|h)", "one random bracket"),
            ("y ~ a + (1 g)", "a '|' in the random bracket"),
            ("y ~ log(a)", "a '|' in the random bracket"),
            ("y ~ a + (0|g)", "at least one random effect"),
            ("y ~ a - b", "'- 1' as the only subtraction"),
            ("y ~ a (1|g)", "a '+' before the random bracket"),
            ("y ~ a ** b", "names of columns"),
            ("y ~ a + 2", "names of columns"),
            ("y ~ (1|g", "a ')' after '('"),
            ("y z ~ a", "one column before '~'"),
        ] {
            assert!(message(text).contains(expected), "{text}: {}", message(text));
        }
    }
}
