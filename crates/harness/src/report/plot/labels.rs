//! Where labels go: beside their points, not on each other.
//!
//! Points with the same number of parameters whose intervals overlap are set side by side first. Then each label takes
//! the best of a fixed list of places around its point, given all the others, until nothing changes.

use super::scale::Rect;

/// Half the size of a marker, with its rim.
pub(super) const RADIUS: f64 = 7.0;
/// Distance of points that are set side by side.
const LANE: f64 = 18.0;
/// A label farther than this from its marker gets a line to it.
const NEAR: f64 = 12.0;

/// A point as drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    pub(super) at: (f64, f64),
    /// Upper and lower end of its bar.
    pub(super) bar: Option<(f64, f64)>,
}

/// A placed label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    pub(super) rect: Rect,
    /// From the marker to the label, where they are apart.
    pub(super) leader: Option<[(f64, f64); 2]>,
}

/// Moves spots apart that would lie on each other: as few lanes as are needed, around the common x.
pub(super) fn side_by_side(spots: &mut [Spot]) {
    let mut order: Vec<usize> = (0..spots.len()).collect();
    order.sort_by(|&a, &b| spots[a].at.0.total_cmp(&spots[b].at.0).then(span(&spots[a]).0.total_cmp(&span(&spots[b]).0)).then(a.cmp(&b)));
    let mut start = 0;
    while start < order.len() {
        let x = spots[order[start]].at.0;
        let end = start + order[start..].iter().take_while(|&&index| spots[index].at.0 - x < LANE / 2.0).count();
        spread(spots, &order[start..end]);
        start = end;
    }
}

/// Spots that overlap, one with the next.
#[derive(Default)]
struct Run {
    bottom: f64,
    /// Index and lane.
    members: Vec<(usize, usize)>,
    /// How far down each lane is taken.
    lanes: Vec<f64>,
}

impl Run {
    fn add(&mut self, index: usize, (top, bottom): (f64, f64)) {
        let lane = self.lanes.iter().position(|taken| *taken <= top).unwrap_or(self.lanes.len());
        if lane == self.lanes.len() {
            self.lanes.push(bottom);
        } else {
            self.lanes[lane] = bottom;
        }
        self.members.push((index, lane));
        self.bottom = self.bottom.max(bottom);
    }
}

fn spread(spots: &mut [Spot], cluster: &[usize]) {
    let mut by_top = cluster.to_vec();
    by_top.sort_by(|&a, &b| span(&spots[a]).0.total_cmp(&span(&spots[b]).0).then(a.cmp(&b)));
    let mut runs: Vec<Run> = Vec::new();
    for index in by_top {
        let (top, bottom) = span(&spots[index]);
        if runs.last().is_none_or(|run| run.bottom <= top) {
            runs.push(Run::default());
        }
        let run = runs.last_mut().expect("there is a run, for one was just pushed if there was none");
        run.add(index, (top, bottom));
    }
    for run in runs {
        let middle = (run.lanes.len() - 1) as f64 / 2.0;
        for (index, lane) in run.members {
            spots[index].at.0 += (lane as f64 - middle) * LANE;
        }
    }
}

/// Upper and lower end of a spot with its bar and a little air.
fn span(spot: &Spot) -> (f64, f64) {
    let (top, bottom) = spot.bar.unwrap_or((spot.at.1, spot.at.1));
    (top.min(spot.at.1 - RADIUS) - 2.0, bottom.max(spot.at.1 + RADIUS) + 2.0)
}

/// Places a label of each size at the spot of the same index. `taken` is where no label should be.
pub(super) fn place(spots: &[Spot], sizes: &[(f64, f64)], frame: Rect, taken: &[Rect]) -> Vec<Placed> {
    let obstacles: Vec<Rect> = spots.iter().flat_map(blocks).chain(taken.iter().copied()).collect();
    let mut placed: Vec<Option<Placed>> = vec![None; spots.len()];
    for _ in 0..6 {
        let before = placed.clone();
        for index in 0..spots.len() {
            let others: Vec<Placed> =
                placed.iter().enumerate().filter(|(other, _)| *other != index).filter_map(|(_, placed)| *placed).collect();
            placed[index] = best(&spots[index], sizes[index], frame, &obstacles, &others);
        }
        if placed == before {
            break;
        }
    }
    placed.into_iter().map(|placed| placed.expect("the list of places is not empty")).collect()
}

fn blocks(spot: &Spot) -> impl Iterator<Item = Rect> {
    let marker = Rect::around(spot.at, RADIUS + 1.0, RADIUS + 1.0);
    let bar = spot.bar.map(|(top, bottom)| Rect { left: spot.at.0 - 5.0, top, right: spot.at.0 + 5.0, bottom });
    std::iter::once(marker).chain(bar)
}

fn best(spot: &Spot, size: (f64, f64), frame: Rect, obstacles: &[Rect], others: &[Placed]) -> Option<Placed> {
    let cost = |candidate: &(Placed, f64)| {
        let (placed, preference) = candidate;
        let covered: f64 = obstacles.iter().chain(others.iter().map(|other| &other.rect)).map(|rect| placed.rect.overlap(rect)).sum();
        let under = |line: [(f64, f64); 2]| crosses(line, &placed.rect) || placed.leader.is_some_and(|own| meet(line, own));
        let crossed: f64 = others.iter().filter(|other| other.leader.is_some_and(under)).count() as f64;
        let own: f64 = placed.leader.map_or(0.0, |line| {
            let through = |rect: &&Rect| crosses(line, rect) && rect.overlap(&Rect::around(spot.at, 1.0, 1.0)) == 0.0;
            obstacles.iter().chain(others.iter().map(|other| &other.rect)).filter(through).count() as f64
        });
        let outside = if frame.contains(&placed.rect) { 0.0 } else { 1e6 };
        outside + 10.0 * covered + 300.0 * (crossed + own) + preference
    };
    candidates(spot, size).map(|candidate| (cost(&candidate), candidate.0)).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, placed)| placed)
}

/// Places around a spot, the nearest and most usual first. Each comes with a small cost that orders equals.
fn candidates(spot: &Spot, (width, height): (f64, f64)) -> impl Iterator<Item = (Placed, f64)> {
    // Which way the label lies; (½, ±1): above or below, starting at the spot.
    const DIRECTIONS: [(f64, f64); 10] =
        [(1.0, 0.0), (-1.0, 0.0), (1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0), (0.0, -1.0), (0.0, 1.0), (0.5, -1.0), (0.5, 1.0)];
    let at = spot.at;
    (0..7_u32).flat_map(move |ring| {
        DIRECTIONS.iter().enumerate().map(move |(rank, &(dx, dy))| {
            let gap = 4.0 + 15.0 * f64::from(ring);
            let beside = RADIUS + if dy == 0.0 { gap } else { 4.0 };
            let is_beside = dx.abs() > 0.5;
            let x = if is_beside { at.0 + dx * (beside + width / 2.0) } else { at.0 + dx * width };
            let lift = if is_beside { gap } else { RADIUS + gap };
            let y = at.1 + dy * (lift + height / 2.0);
            let rect = Rect::around((x, y), width / 2.0, height / 2.0);
            (Placed { rect, leader: leader(at, rect) }, f64::from(ring) * 40.0 + rank as f64)
        })
    })
}

/// The line from a marker's rim to the nearest place of a label's edge, if they are apart.
fn leader(at: (f64, f64), rect: Rect) -> Option<[(f64, f64); 2]> {
    let to = (at.0.clamp(rect.left, rect.right), at.1.clamp(rect.top + 2.0, rect.bottom - 2.0));
    let (dx, dy) = (to.0 - at.0, to.1 - at.1);
    let length = dx.hypot(dy);
    (length > RADIUS + NEAR).then(|| [(at.0 + dx / length * (RADIUS + 1.0), at.1 + dy / length * (RADIUS + 1.0)), to])
}

/// Whether a segment runs through a rectangle, by looking at points along it.
fn crosses([from, to]: [(f64, f64); 2], rect: &Rect) -> bool {
    (1..20).any(|step| {
        let share = f64::from(step) / 20.0;
        let (x, y) = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
        rect.left < x && x < rect.right && rect.top < y && y < rect.bottom
    })
}

/// Whether two segments cross.
fn meet([a, b]: [(f64, f64); 2], [c, d]: [(f64, f64); 2]) -> bool {
    let side = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0) > 0.0;
    side(a, b, c) != side(a, b, d) && side(c, d, a) != side(c, d, b)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: Rect = Rect { left: 0.0, top: 0.0, right: 560.0, bottom: 380.0 };

    fn overlaps(placed: &[Placed]) -> usize {
        let pairs = (0..placed.len()).flat_map(|a| (a + 1..placed.len()).map(move |b| (a, b)));
        pairs.filter(|&(a, b)| placed[a].rect.overlap(&placed[b].rect) > 0.0).count()
    }

    #[test]
    fn a_column_of_close_points_is_labelled_apart() {
        let mut spots: Vec<Spot> = (0..7)
            .map(|i| Spot { at: (200.0, 100.0 + 9.0 * f64::from(i)), bar: Some((92.0 + 9.0 * f64::from(i), 108.0 + 9.0 * f64::from(i))) })
            .collect();
        side_by_side(&mut spots);
        let placed = place(&spots, &[(70.0, 14.0); 7], FRAME, &[]);
        assert_eq!(overlaps(&placed), 0);
        assert!(placed.iter().all(|placed| FRAME.contains(&placed.rect)));
    }

    #[test]
    fn points_apart_stay_where_they_are() {
        let spots = [Spot { at: (100.0, 50.0), bar: None }, Spot { at: (100.0, 90.0), bar: None }, Spot { at: (300.0, 52.0), bar: None }];
        let mut moved = spots;
        side_by_side(&mut moved);
        assert_eq!(moved, spots);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn labels_of_a_few_points_never_overlap(
            places in prop::collection::vec((60.0..500.0_f64, 40.0..340.0_f64), 1..7), width in 20.0..110.0_f64,
        ) {
            let mut spots: Vec<Spot> = places.iter().map(|&at| Spot { at, bar: None }).collect();
            side_by_side(&mut spots);
            let placed = place(&spots, &vec![(width, 14.0); spots.len()], FRAME, &[]);
            prop_assert_eq!(overlaps(&placed), 0);
        }
    }
}
