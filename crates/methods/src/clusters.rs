//! Points in groups of their own: k-means.
//!
//! # Reference
//! Lloyd, IEEE Transactions on Information Theory 28, 1982; starts by Arthur and Vassilvitskii, SODA 2007 (k-means++).

use rand::RngExt;

use crate::Seed;

/// Rounds at most; assignments usually stand still long before.
const ROUNDS: usize = 100;

/// The cluster of each point. Points and centres are compared by Euclidean distance; ties go to the lower cluster; a cluster
/// that loses all its points keeps its centre.
pub(crate) fn clusters(points: &[Vec<f32>], n: usize, seed: Seed) -> Vec<usize> {
    let mut centres = starts(points, n, seed);
    let mut assigned = vec![0; points.len()];
    for _ in 0..ROUNDS {
        let nearest: Vec<usize> = points.iter().map(|point| nearest(point, &centres)).collect();
        for (cluster, centre) in centres.iter_mut().enumerate() {
            let own: Vec<&Vec<f32>> = points.iter().zip(&nearest).filter(|(_, at)| **at == cluster).map(|(point, _)| point).collect();
            if !own.is_empty() {
                *centre = (0..centre.len()).map(|i| own.iter().map(|point| point[i]).sum::<f32>() / own.len() as f32).collect();
            }
        }
        if std::mem::replace(&mut assigned, nearest) == assigned {
            break;
        }
    }
    assigned
}

/// The first at random, each other one with a chance that grows with the squared distance to the nearest before.
fn starts(points: &[Vec<f32>], n: usize, seed: Seed) -> Vec<Vec<f32>> {
    let mut rng = seed.rng();
    let mut centres = vec![points[rng.random_range(0..points.len())].clone()];
    while centres.len() < n {
        let distances: Vec<f64> = points.iter().map(|point| distance(point, &centres[nearest(point, &centres)])).collect();
        let mut left = rng.random::<f64>() * distances.iter().sum::<f64>();
        let reached = distances.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        centres.push(points[reached.unwrap_or(points.len() - 1)].clone());
    }
    centres
}

fn nearest(point: &[f32], centres: &[Vec<f32>]) -> usize {
    (1..centres.len()).fold(0, |best, i| if distance(point, &centres[i]) < distance(point, &centres[best]) { i } else { best })
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heaps_that_lie_apart_are_found() {
        let points: Vec<Vec<f32>> = (0..12).map(|i| vec![(i % 3) as f32 * 10.0 + i as f32 * 0.01, 1.0]).collect();
        for seed in 0..5 {
            let found = clusters(&points, 3, Seed::new(seed));
            let same = |a: usize, b: usize| found[a] == found[b];
            assert!((0..12).all(|i| same(i, i % 3)) && !same(0, 1) && !same(1, 2) && !same(0, 2), "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn equal_points_are_no_trouble() {
        assert_eq!(clusters(&vec![vec![1.0]; 4], 2, Seed::new(1)), [0, 0, 0, 0]);
    }
}
