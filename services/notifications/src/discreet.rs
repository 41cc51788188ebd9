//! Debug output of what holds addresses, names, links or seals.

/// Debug output that shows ids and lengths alone, wherever it may end up.
macro_rules! discreet {
    ($name:ident $(<$life:lifetime>)?, |$this:ident| $($field:ident: $shown:expr),+) => {
        impl ::std::fmt::Debug for $name $(<$life>)? {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let $this = self;
                formatter
                    .debug_struct(stringify!($name))
                    $(.field(stringify!($field), &$shown))+
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use discreet;
