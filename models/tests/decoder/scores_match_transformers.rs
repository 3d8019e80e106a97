//! Perplexity and most likely tokens are those of transformers' logits, and a missing mechanism
//! changes them.

use energy_models::Depth;

use crate::families_match_their_references::{load, rows, stored};
use crate::family;

/// Largest difference of the logarithm of the perplexity.
const TOLERANCE: f64 = 1e-4;

/// Returns the mean log probability of each next token, and the most likely ones, from logits.
fn scores(logits: &[Vec<f32>], tokens: &[u32]) -> (f64, Vec<u32>) {
    let mut most_likely = Vec::new();
    let mut sum = 0.0;
    for (row, next) in logits.iter().zip(&tokens[1..]) {
        let total: f64 = row.iter().map(|logit| f64::from(*logit).exp()).sum();
        sum += f64::from(row[*next as usize]) - total.ln();
        let order = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]).then(b.cmp(a));
        let most = (0..row.len()).max_by(order).unwrap();
        most_likely.push(u32::try_from(most).unwrap());
    }
    (sum / (tokens.len() - 1) as f64, most_likely)
}

#[test]
fn scores_match_transformers() {
    let mut features = 0;
    for family in family::all() {
        let stored = stored(&format!("{}.safetensors", family.name)).expect("a reference");
        let prompt = 20..20 + family.prompt;
        let tokens: Vec<u32> = prompt.chain((0..8).map(|step| 70 + 13 * step)).collect();
        let (expected, most_likely) = scores(&rows(&stored["logits"]), &tokens);
        let mut model = load(&family, true, Depth::Module);
        let found = model.score(&tokens).unwrap();
        let error = (-found.perplexity().ln() - expected).abs();
        assert!(error < TOLERANCE, "{}: {error:e}", family.name);
        assert_eq!(found.most_likely, most_likely, "{}", family.name);
        assert_eq!(found.top1_agreement(&found), Some(1.0));
        assert_eq!(model.position(), 0);
        for feature in &family.without {
            let other = rows(&stored[&format!("without_{feature}")]);
            // References without a feature hold the last positions only.
            if other.len() + 1 < tokens.len() {
                continue;
            }
            let (other, _) = scores(&other, &tokens);
            assert!(
                (other - expected).abs() > TOLERANCE,
                "{} {feature}",
                family.name
            );
            features += 1;
        }
    }
    eprintln!("{features} features show in the perplexity");
}

#[test]
fn a_text_of_several_passes_is_scored_as_token_by_token() {
    let family = family::find("llama2");
    let mut model = load(&family, true, Depth::Module);
    let tokens: Vec<u32> = (0..150).map(|at| 20 + (at * 7) % 90).collect();
    let found = model.score(&tokens).unwrap();
    let logits: Vec<Vec<f32>> = tokens[..149]
        .iter()
        .map(|token| model.forward(&[*token]).unwrap().to_vec1().unwrap())
        .collect();
    let (expected, _) = scores(&logits, &tokens);
    assert!((-found.perplexity().ln() - expected).abs() < TOLERANCE);
    assert!(model.score(&tokens[..1]).is_err());
    assert!(model.score(&[1; 1000]).is_err());
}
