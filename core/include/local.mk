# SPDX-License-Identifier: GPL-3.0-or-later
publicdir = $(includedir)/advntk
public_HEADERS = \
	core/include/advntk/activation.h \
	core/include/advntk/architecture.h \
	core/include/advntk/attack.h \
	core/include/advntk/backend.h \
	core/include/advntk/dataset.h \
	core/include/advntk/duals.h \
	core/include/advntk/duals.inc \
	core/include/advntk/host.h \
	core/include/advntk/infinite.h \
	core/include/advntk/isa.h \
	core/include/advntk/kernel.h \
	core/include/advntk/linear.h \
	core/include/advntk/loss.h \
	core/include/advntk/method.h \
	core/include/advntk/model.h \
	core/include/advntk/node.h \
	core/include/advntk/norm.h \
	core/include/advntk/npy.h \
	core/include/advntk/optimizer.h \
	core/include/advntk/param.h \
	core/include/advntk/plugin.h \
	core/include/advntk/random.h \
	core/include/advntk/state.h \
	core/include/advntk/status.h
