//! Configurations as arrays of `ndarray`, without a copy.

use crate::{Configs, ConfigsRef};
use ndarray::{ArrayView2, ArrayViewMut2};

impl Configs {
    /// The values as an array that shares their memory.
    ///
    /// # Shapes
    /// (B, N), row-major.
    ///
    /// # Examples
    /// ```
    /// use ketwork_hamiltonians::Configs;
    /// let x = Configs::from_data(3, vec![0, 1, 1, 1, 0, 0]);
    /// assert_eq!(x.array().column(0).to_vec(), [0, 1]);
    /// ```
    #[must_use]
    pub fn array(&self) -> ArrayView2<'_, u8> {
        self.view().array()
    }

    /// The values as an array through which they can be changed.
    ///
    /// # Shapes
    /// (B, N), row-major.
    #[must_use]
    pub fn array_mut(&mut self) -> ArrayViewMut2<'_, u8> {
        let shape = (self.len(), self.n_sites());
        ArrayViewMut2::from_shape(shape, self.data_mut()).expect("rows of N values fill the shape")
    }
}

impl<'a> ConfigsRef<'a> {
    /// The values as an array that shares their memory.
    ///
    /// # Shapes
    /// (B, N), row-major.
    #[must_use]
    pub fn array(self) -> ArrayView2<'a, u8> {
        ArrayView2::from_shape((self.len(), self.n_sites()), self.data())
            .expect("rows of N values fill the shape")
    }

    /// The rows of an array as configurations; `None` where they do not lie in memory row after row
    /// (a transposed array, a slice of columns), or where there are no columns.
    ///
    /// # Shapes
    /// `array` (B, N).
    #[must_use]
    pub fn from_array(array: ArrayView2<'a, u8>) -> Option<Self> {
        let n_sites = array.ncols();
        let data = array.to_slice().filter(|_| n_sites > 0)?;
        Some(Self::new(n_sites, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, Axis, Slice, arr2};

    #[test]
    fn arrays_and_configurations_share_their_memory() {
        let mut x = Configs::from_data(3, vec![0, 1, 1, 1, 0, 0]);
        assert_eq!(x.array(), arr2(&[[0, 1, 1], [1, 0, 0]]));
        assert_eq!(x.array().as_ptr(), x.data().as_ptr());
        x.array_mut()[[1, 2]] = 1;
        assert_eq!(x.row(1), [1, 0, 1]);
        let back = ConfigsRef::from_array(x.array()).unwrap();
        assert_eq!(back, x.view());
        assert_eq!(back.data().as_ptr(), x.data().as_ptr());
        assert_eq!(Configs::new(4).array().dim(), (0, 4));
        assert_eq!(Configs::default().array().dim(), (0, 0));
    }

    #[test]
    fn arrays_that_are_no_rows_in_memory_are_refused() {
        let x = Array2::<u8>::zeros((4, 6));
        assert!(ConfigsRef::from_array(x.t()).is_none());
        let part = |axis, of| x.slice_axis(Axis(axis), Slice::from(of));
        assert!(ConfigsRef::from_array(part(1, 1..3)).is_none());
        assert!(ConfigsRef::from_array(part(1, 0..0)).is_none());
        let rows = ConfigsRef::from_array(part(0, 1..3)).unwrap();
        assert_eq!((rows.len(), rows.n_sites()), (2, 6));
    }
}
