//! What came out of a comparison.

/// How far from the reference is near enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Largest difference of a value.
    pub absolute: f32,
    /// Largest difference of a gradient, as a share of its largest entry.
    pub relative: f32,
}

impl Default for Tolerance {
    /// 1e-4 each: f32 on both sides, sums in another order.
    fn default() -> Self {
        Self { absolute: 1e-4, relative: 1e-4 }
    }
}

/// What kind of number a tensor holds, which decides the tolerance that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Hidden states, features, logits, losses.
    Value,
    /// A gradient.
    Gradient,
    /// Token ids, positions: equal or not.
    Integer,
}

/// How a tensor differs from the expected one.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// Element by element.
    Values {
        /// The largest absolute difference; infinite where a number is none.
        absolute: f32,
        /// The same, as a share of the largest expected entry.
        relative: f32,
    },
    /// It has another shape.
    Shape {
        /// What the model gives.
        found: Vec<usize>,
        /// What the file has.
        expected: Vec<usize>,
    },
}

/// One tensor, found and expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Its name in the file.
    pub name: String,
    /// What it holds.
    pub quantity: Quantity,
    /// Entries that were compared; those of padding mean nothing and are not.
    pub n: usize,
    /// How far apart.
    pub difference: Difference,
}

impl Comparison {
    /// Compares entry by entry.
    pub(super) fn of(name: &str, quantity: Quantity, found: &[f32], expected: &[f32]) -> Self {
        let largest = expected.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        // A difference that is no number must not be lost in a maximum.
        let worst = |worst: f32, (a, b): (&f32, &f32)| if (a - b).is_nan() { f32::INFINITY } else { worst.max((a - b).abs()) };
        let absolute = found.iter().zip(expected).fold(0.0, worst);
        let relative = if absolute == 0.0 { 0.0 } else { absolute / largest };
        Self { name: name.to_owned(), quantity, n: expected.len(), difference: Difference::Values { absolute, relative } }
    }

    /// Whether it is near enough.
    pub fn holds(&self, tolerance: Tolerance) -> bool {
        match (&self.difference, self.quantity) {
            (Difference::Shape { .. }, _) => false,
            (Difference::Values { absolute, .. }, Quantity::Value) => *absolute <= tolerance.absolute,
            (Difference::Values { relative, .. }, Quantity::Gradient) => *relative <= tolerance.relative,
            (Difference::Values { absolute, .. }, Quantity::Integer) => *absolute == 0.0,
        }
    }
}

/// Everything that a file of expected tensors could tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order in which they were computed.
    pub compared: Vec<Comparison>,
    /// Tensors that were neither fed nor compared.
    pub unchecked: Vec<String>,
}

impl Report {
    /// Those that are too far off.
    pub fn failures(&self, tolerance: Tolerance) -> impl Iterator<Item = &Comparison> {
        self.compared.iter().filter(move |comparison| !comparison.holds(tolerance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_absolutely_and_gradients_as_a_share() {
        let tolerance = Tolerance { absolute: 0.5, relative: 0.5 };
        let holds = |quantity, found: &[f32]| Comparison::of("x", quantity, found, &[4.0, -0.25]).holds(tolerance);
        assert!(holds(Quantity::Gradient, &[3.0, 0.0]) && !holds(Quantity::Value, &[3.0, 0.0]));
        assert!(!holds(Quantity::Gradient, &[1.0, 0.0]) && holds(Quantity::Value, &[4.25, 0.0]));
        assert!(!holds(Quantity::Integer, &[4.0, 0.0]) && holds(Quantity::Integer, &[4.0, -0.25]));
    }

    #[test]
    fn what_is_no_number_never_holds() {
        let comparison = Comparison::of("x", Quantity::Value, &[1.0, f32::NAN], &[1.0, 1.0]);
        assert!(!comparison.holds(Tolerance { absolute: f32::MAX, relative: f32::MAX }));
    }
}
