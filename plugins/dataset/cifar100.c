/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CIFAR-100, binary version: each record has the coarse label, then the fine one. */
#include "config.h"

#include "cifar.h"

struct cifar100_config {
    const char *path;
    int labels;
};

static const char *const cifar100_choices[] = {"fine", "coarse", NULL};

static const struct advntk_param cifar100_params[] = {
    ADVNTK_PATH(struct cifar100_config, path, NULL,
                .help = "folder with train.bin and test.bin, or its parent; absent: the "
                        "environment's ADVNTK_DATA"),
    ADVNTK_CHOICE(struct cifar100_config, labels, "fine", cifar100_choices,
                  .help = "the 100 classes (fine) or the 20 groups of five (coarse)"),
    ADVNTK_PARAM_END};

static const char *const cifar100_subs[] = {"cifar-100-binary", "cifar100", "cifar-100", NULL};
static const char *const cifar100_train[] = {"train.bin", NULL};
static const char *const cifar100_test[] = {"test.bin", NULL};

static const char *const cifar100_coarse[20] = {"aquatic_mammals",
                                                "fish",
                                                "flowers",
                                                "food_containers",
                                                "fruit_and_vegetables",
                                                "household_electrical_devices",
                                                "household_furniture",
                                                "insects",
                                                "large_carnivores",
                                                "large_man-made_outdoor_things",
                                                "large_natural_outdoor_scenes",
                                                "large_omnivores_and_herbivores",
                                                "medium_mammals",
                                                "non-insect_invertebrates",
                                                "people",
                                                "reptiles",
                                                "small_mammals",
                                                "trees",
                                                "vehicles_1",
                                                "vehicles_2"};
/* clang-format off */
static const char *const cifar100_fine[100] = {
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup",
    "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house",
    "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man",
    "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy",
    "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal",
    "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar",
    "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm"};
/* clang-format on */

static const struct cifar_layout cifar100_layouts[2] = {
    {.name = "cifar100",
     .subs = cifar100_subs,
     .files = {cifar100_train, cifar100_test},
     .official = {50000, 10000},
     .label_bytes = 2,
     .label_at = 1,
     .classes = 100,
     .class_names = cifar100_fine},
    {.name = "cifar100",
     .subs = cifar100_subs,
     .files = {cifar100_train, cifar100_test},
     .official = {50000, 10000},
     .label_bytes = 2,
     .label_at = 0,
     .classes = 20,
     .class_names = cifar100_coarse},
};

static advntk_status cifar100_open(const void *config, struct advntk_host *host, void **state,
                                   struct advntk_dataset_info *info, struct advntk_error *err)
{
    const struct cifar100_config *c = config;
    return cifar_open(&cifar100_layouts[c->labels], c->path, host, state, info, err);
}

static const struct advntk_dataset_ops cifar100_ops = {.open = cifar100_open,
                                                       .read = image_set_read,
                                                       .digest = image_set_digest,
                                                       .close = image_set_close};

ADVNTK_PLUGIN(
    DATASET, cifar100_ops, .name = "cifar100", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "CIFAR-100: 60,000 colour images of 32x32 pixels in 100 classes, or 20",
    .doc = "Reads the binary version (cifar-100-binary.tar.gz, unpacked). 50,000 training "
           "and 10,000 test images. Images stay on disk and are read when they are needed.",
    .source = "A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images; "
              "https://www.cs.toronto.edu/~kriz/cifar.html",
    .params = cifar100_params, .config_bytes = sizeof(struct cifar100_config));
