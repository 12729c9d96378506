//! Families of parts: adding a member is one file and one line.

use reprogram_taxonomy::Misfit;

use crate::Setup;

/// What a part's specification can do: say where on the grid it stands, and become a module.
pub trait Part {
    /// A [`reprogram_taxonomy::Site`] for a manipulation, a [`reprogram_taxonomy::Alignment`] for an alignment.
    type Coordinates;
    /// The module.
    type Module;

    /// Its coordinates.
    fn coordinates(&self) -> Self::Coordinates;

    /// Where it acts besides, for a part that couples several places.
    fn further_coordinates(&self) -> Vec<Self::Coordinates> {
        Vec::new()
    }

    /// Whether what it does may depend on the seed or the training items.
    fn is_drawn(&self) -> bool {
        true
    }

    /// The module, initialised. A misfit says what the part needs and the setting lacks.
    fn build(&self, setup: &Setup<'_>) -> Result<Self::Module, Misfit>;
}

/// Whether a key of a specification need not be written: what is left out means this.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Registers the members of a family.
///
/// The first enum is what TOML holds, tagged by `part`; the second is the trainable module, which dereferences to the
/// family's behaviour. An enum, not a box: `burn::Module` is not object-safe, and the optimizer has to see through.
macro_rules! family {
    (
        $(#[$spec_doc:meta])* $spec:ident($coordinates:ty);
        $(#[$module_doc:meta])* $module:ident: $behaviour:ident;
        $($name:literal => $member:ident from $config:ident),+ $(,)?
    ) => {
        $(#[$spec_doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "part")]
        pub enum $spec { $(#[doc = concat!("`part = \"", $name, "\"`")] #[serde(rename = $name)] $member($config)),+ }

        impl $spec {
            /// The names of all members.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The keys that a member takes beside `part`; none where there is no such member.
            pub fn keys(name: &str) -> &'static [&'static str] {
                match name { $($name => $crate::keys::keys_of::<$config>(),)+ _ => &[] }
            }

            /// The member's name.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$member(_) => $name),+ }
            }

            /// The member's coordinates.
            pub fn coordinates(&self) -> $coordinates {
                match self { $(Self::$member(config) => $crate::Part::coordinates(config)),+ }
            }

            /// Where the member acts besides.
            pub fn further_coordinates(&self) -> Vec<$coordinates> {
                match self { $(Self::$member(config) => $crate::Part::further_coordinates(config)),+ }
            }

            /// Whether what it does may depend on the seed or the training items.
            pub fn is_drawn(&self) -> bool {
                match self { $(Self::$member(config) => $crate::Part::is_drawn(config)),+ }
            }

            /// The member's module, initialised.
            pub fn build(&self, setup: &$crate::Setup<'_>) -> Result<$module, reprogram_taxonomy::Misfit> {
                match self { $(Self::$member(config) => $crate::Part::build(config, setup).map($module::$member)),+ }
            }
        }

        $(#[$module_doc])*
        #[derive(burn::module::Module, Debug)]
        pub enum $module { $(#[doc = concat!("`part = \"", $name, "\"`")] $member($member)),+ }

        impl std::ops::Deref for $module {
            type Target = dyn $behaviour;

            fn deref(&self) -> &Self::Target {
                match self { $(Self::$member(member) => member),+ }
            }
        }

        impl std::ops::DerefMut for $module {
            fn deref_mut(&mut self) -> &mut Self::Target {
                match self { $(Self::$member(member) => member),+ }
            }
        }
    };
}

pub(crate) use family;
