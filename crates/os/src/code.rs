//! Functions as numbers: how a `fn` pointer travels from one process to another.
//!
//! Owns the proof that a number becomes the same function, with the same type, again. Both processes run the
//! same executable (the worker's Hello is checked), so "offset from the load address" names the same
//! function in both. Every function travels with a tag of its Rust type, which is compared
//! before the number becomes a pointer again.

use std::any::TypeId;
use std::hash::{Hash, Hasher};

use crate::image::Image;

/// A function of the executable as it travels: its offset from the load address, and a tag of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionRef {
    /// Relative to the load address of the executable.
    pub offset: i64,
    /// Equal only for functions of the same type.
    pub tag: u64,
}

/// The `fn` pointer types that may travel.
///
/// # Safety
///
/// Only for `fn` pointer types: [`Function::typed`] makes one from an address.
pub unsafe trait FnPointer: Copy + 'static {}

// SAFETY: each is a `fn` pointer type.
unsafe impl<R: 'static> FnPointer for fn() -> R {}
// SAFETY: as above.
unsafe impl<A: 'static, R: 'static> FnPointer for fn(A) -> R {}
// SAFETY: as above.
unsafe impl<S: 'static, A: 'static, R: 'static> FnPointer for fn(&mut S, A) -> R {}
// SAFETY: as above; this is the shape of a trampoline.
unsafe impl<C: 'static, S: 'static, R: 'static> FnPointer for fn(Function, &mut C, &mut S) -> R {}

/// A function of this program that arrived as a number, with the type it was sent as.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Within the code of the main executable.
    address: usize,
    tag: u64,
}

/// Returns a reference to `function` that is valid in every process of this executable. Returns `None` if it
/// is not part of the main executable.
pub fn locate<F: FnPointer>(function: F) -> Option<FunctionRef> {
    const { assert!(size_of::<F>() == size_of::<usize>()) };
    // SAFETY: `F` is a `fn` pointer (FnPointer's contract) of pointer size (asserted above), and
    // a pointer's bits are a valid usize.
    let address = unsafe { std::mem::transmute_copy::<F, usize>(&function) };
    Image::main().offset_of(address).map(|offset| FunctionRef { offset, tag: tag_of::<F>() })
}

/// Returns the function that `reference` names in this process, or `None` if it points outside
/// the code of the main executable.
///
/// # Safety
///
/// A process that runs this executable has made `reference` by [`locate`].
pub unsafe fn resolve(reference: FunctionRef) -> Option<Function> {
    forbid_when_fuzzing();
    let address = Image::main().address_at(reference.offset)?;
    Some(Function { address, tag: reference.tag })
}

impl Function {
    /// Returns the function, or `None` if it was sent as another type.
    pub fn typed<F: FnPointer>(self) -> Option<F> {
        const { assert!(size_of::<F>() == size_of::<usize>()) };
        forbid_when_fuzzing();
        if self.tag != tag_of::<F>() || self.address == 0 {
            return None;
        }
        // SAFETY: the address lies in the code of the main executable, and its number was sent with
        // the tag of `F` by a process of the same executable (`resolve`, its contract). Only
        // `locate::<F>` writes that tag, and it takes the number from a value of type `F`. So the bits
        // are those of an `F`, moved by the difference of the load addresses, and `F` is a `fn` pointer
        // of the size of usize.
        Some(unsafe { std::mem::transmute_copy::<usize, F>(&self.address) })
    }
}

/// Panics under fuzzing: the fuzz targets decode bytes that name functions, and must never make a function
/// from them.
fn forbid_when_fuzzing() {
    if cfg!(fuzzing) {
        panic!("decoding makes no function of an address");
    }
}

/// Returns a number for the type `F`, equal in every process of one executable.
fn tag_of<F: 'static>() -> u64 {
    /// A type's id already is a hash, so folding its words suffices. Unlike a hasher that mixes, the compiler
    /// can evaluate this one.
    struct Fold(u64);
    impl Hasher for Fold {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write_u64(&mut self, word: u64) {
            self.0 = self.0.rotate_left(32) ^ word;
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
            }
        }
    }
    let mut hasher = Fold(0);
    TypeId::of::<F>().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(x: u32) -> u32 {
        2 * x
    }

    #[test]
    fn a_function_survives_the_round_trip_through_its_reference() {
        let reference = locate::<fn(u32) -> u32>(double).expect("double is code of this program");
        // SAFETY: it was located in this process.
        let function = unsafe { resolve(reference) }.expect("its offset is within the program");
        assert_eq!(function.typed::<fn(u32) -> u32>().expect("the type is the same")(21), 42);
    }

    #[test]
    fn a_function_sent_as_one_type_is_never_another_type() {
        let reference = locate::<fn(u32) -> u32>(double).unwrap();
        // SAFETY: it was located in this process.
        let function = unsafe { resolve(reference) }.unwrap();
        assert!(function.typed::<fn(u64) -> u64>().is_none());
        assert!(function.typed::<fn() -> u32>().is_none());
    }

    #[test]
    fn a_function_of_a_shared_library_cannot_be_located() {
        // SAFETY: abs(3) has this signature; it lives in the C library, not in this program.
        let abs = unsafe {
            std::mem::transmute::<*const (), fn(i32) -> i32>(nix::libc::abs as *const ())
        };
        assert!(locate::<fn(i32) -> i32>(abs).is_none());
    }
}
