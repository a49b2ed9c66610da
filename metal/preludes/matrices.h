// simdgroup_matrix: an 8x8 matrix spread over the 32 lanes of a simdgroup, two elements a lane.
// The product is the route's own affair; what is here holds on a CPU and on CUDA.
//
// Apple does not document which lane holds which element. MLX and others rely on the layout below;
// kernels do not: they load, multiply and store.
#pragma once
namespace metal {

MSL_FUNCTION uint msl_lane();

MSL_FUNCTION uint msl_matrix_row(uint lane) { return ((lane / 4) & 4) + ((lane / 2) & 3); }
MSL_FUNCTION uint msl_matrix_column(uint lane) { return ((lane / 4) & 2) * 2 + (lane & 1) * 2; }

template <typename T, int Columns, int Rows>
struct simdgroup_matrix {
  static_assert(Columns == 8 && Rows == 8, "Metal has 8x8 alone");
  T elements[2];  // of this lane: one row, two neighbouring columns
};
typedef simdgroup_matrix<float, 8, 8> simdgroup_float8x8;
typedef simdgroup_matrix<half, 8, 8> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat, 8, 8> simdgroup_bfloat8x8;

template <typename T, int Columns, int Rows>
MSL_FUNCTION simdgroup_matrix<T, Columns, Rows> make_filled_simdgroup_matrix(T value) {
  simdgroup_matrix<T, Columns, Rows> matrix;
  matrix.elements[0] = matrix.elements[1] = value;
  return matrix;
}

// `stride`: elements from one row to the next. `transposed` swaps rows and columns in memory.
template <typename T>
MSL_FUNCTION void simdgroup_load(simdgroup_matrix<T, 8, 8>& matrix, const T* from, size_t stride,
                                 vec<unsigned long, 2> = {0, 0}, bool transposed = false) {
  const size_t row = msl_matrix_row(msl_lane()), column = msl_matrix_column(msl_lane());
  for (size_t i = 0; i < 2; i++)
    matrix.elements[i] = transposed ? from[(column + i) * stride + row] : from[row * stride + column + i];
}

template <typename T>
MSL_FUNCTION void simdgroup_store(simdgroup_matrix<T, 8, 8> matrix, T* to, size_t stride) {
  const size_t row = msl_matrix_row(msl_lane()), column = msl_matrix_column(msl_lane());
  for (size_t i = 0; i < 2; i++) to[row * stride + column + i] = matrix.elements[i];
}

}  // namespace metal
