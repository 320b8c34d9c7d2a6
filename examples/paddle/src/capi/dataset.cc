// SPDX-License-Identifier: Apache-2.0
#include "paddle/dataset.h"

#include "capi/handles.h"

using namespace paddle::capi;
using paddle::Dataset;

paddle_dataset* paddle_dataset_new(const int64_t* shape, size_t rank,
                                   const float* features, const int32_t* labels,
                                   size_t samples) {
  return new_object<paddle_dataset>([&] {
    const paddle::Shape sample = shape_from(shape, rank);
    required(features, "the array of features");
    const std::size_t count = samples * paddle::element_count(sample);
    std::vector<std::int32_t> classes;
    if (labels != nullptr) classes.assign(labels, labels + samples);
    return Dataset(sample, std::vector<float>(features, features + count),
                   std::move(classes));
  });
}

paddle_dataset* paddle_dataset_read_csv(const char* path, size_t features) {
  return new_object<paddle_dataset>(
      [&] { return paddle::read_csv(&required(path, "the path"), features); });
}

paddle_dataset* paddle_dataset_read_idx(const char* images_path,
                                        const char* labels_path) {
  return new_object<paddle_dataset>([&] {
    return paddle::read_idx(&required(images_path, "the path"),
                            labels_path != nullptr ? labels_path : "");
  });
}

paddle_dataset* paddle_dataset_synthetic(const char* kind, size_t samples,
                                         uint64_t seed) {
  return new_object<paddle_dataset>([&] {
    return paddle::make_synthetic(&required(kind, "the kind of data"), samples, seed);
  });
}

int paddle_dataset_split(const paddle_dataset* dataset, double fraction, uint64_t seed,
                         paddle_dataset** part, paddle_dataset** rest) {
  return status_of([&] {
    paddle::Random random(seed);
    auto first = std::make_unique<paddle_dataset>();
    auto second = std::make_unique<paddle_dataset>();
    required(dataset, "the data set")
        .value.split(fraction, random, &first->value, &second->value);
    required(part, "a result") = first.release();
    required(rest, "a result") = second.release();
  });
}

void paddle_dataset_free(paddle_dataset* dataset) { delete dataset; }

size_t paddle_dataset_size(const paddle_dataset* dataset) {
  return dataset->value.size();
}

int64_t paddle_dataset_classes(const paddle_dataset* dataset) {
  return dataset->value.classes();
}

size_t paddle_dataset_rank(const paddle_dataset* dataset) {
  return dataset->value.sample_shape().size();
}

const int64_t* paddle_dataset_shape(const paddle_dataset* dataset) {
  return dataset->value.sample_shape().data();
}

const float* paddle_dataset_features(const paddle_dataset* dataset) {
  return dataset->value.features().data();
}

const int32_t* paddle_dataset_labels(const paddle_dataset* dataset) {
  return dataset->value.labelled() ? dataset->value.labels().data() : nullptr;
}
