/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CIFAR-10, binary version. */
#include "config.h"

#include "cifar.h"

struct cifar10_config {
    const char *path;
};

static const struct advntk_param cifar10_params[] = {
    ADVNTK_PATH(struct cifar10_config, path, NULL,
                .help =
                    "folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin, or its "
                    "parent; absent: the environment's ADVNTK_DATA"),
    ADVNTK_PARAM_END};

static const char *const cifar10_subs[] = {"cifar-10-batches-bin", "cifar10", "cifar-10", NULL};
static const char *const cifar10_train[] = {"data_batch_1.bin", "data_batch_2.bin",
                                            "data_batch_3.bin", "data_batch_4.bin",
                                            "data_batch_5.bin", NULL};
static const char *const cifar10_test[] = {"test_batch.bin", NULL};
static const char *const cifar10_names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                            "dog",      "frog",       "horse", "ship", "truck"};

static const struct cifar_layout cifar10_layout = {.name = "cifar10",
                                                   .subs = cifar10_subs,
                                                   .files = {cifar10_train, cifar10_test},
                                                   .official = {10000, 10000},
                                                   .label_bytes = 1,
                                                   .label_at = 0,
                                                   .classes = 10,
                                                   .class_names = cifar10_names};

static advntk_status cifar10_open(const void *config, struct advntk_host *host, void **state,
                                  struct advntk_dataset_info *info, struct advntk_error *err)
{
    const struct cifar10_config *c = config;
    return cifar_open(&cifar10_layout, c->path, host, state, info, err);
}

static const struct advntk_dataset_ops cifar10_ops = {.open = cifar10_open,
                                                      .read = image_set_read,
                                                      .digest = image_set_digest,
                                                      .close = image_set_close};

ADVNTK_PLUGIN(
    DATASET, cifar10_ops, .name = "cifar10", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "CIFAR-10: 60,000 colour images of 32x32 pixels in 10 classes",
    .doc = "Reads the binary version (cifar-10-binary.tar.gz, unpacked). 50,000 training "
           "images in the order of the five batches, 10,000 test images. Images stay on "
           "disk and are read when they are needed.",
    .source = "A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images; "
              "https://www.cs.toronto.edu/~kriz/cifar.html",
    .params = cifar10_params, .config_bytes = sizeof(struct cifar10_config));
