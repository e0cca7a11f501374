/* SPDX-License-Identifier: GPL-2.0-only */
/* What a group can do beyond Linux, one function a call. After vfio_test.h. */
#ifndef VFIO_GROUP_FEATURE_H
#define VFIO_GROUP_FEATURE_H

#define MAX_GROUPS	32

/* VFIO_GROUP_FEATURE with @flags for the feature, and @size bytes of data behind the header. */
static inline int __group_feature(int group, uint32_t flags, void *data, size_t size)
{
	struct {
		struct vfio_group_feature head;
		uint8_t data[4096];
	} arg = { .head = { .argsz = sizeof(arg.head) + size, .flags = flags } };
	int result;

	memcpy(arg.data, data, size);
	result = __call(group, VFIO_GROUP_FEATURE, &arg);
	memcpy(data, arg.data, size);
	return result;
}

static inline int __group_capture(int captor, int group)
{
	struct vfio_group_feature_capture data = { .group_fd = group };

	return __group_feature(captor, VFIO_GROUP_FEATURE_SET | VFIO_GROUP_FEATURE_CAPTURE,
			       &data, sizeof(data));
}

static inline int __group_release(int captor, int group_id)
{
	struct vfio_group_feature_release data = { .group = group_id };

	return __group_feature(captor, VFIO_GROUP_FEATURE_SET | VFIO_GROUP_FEATURE_RELEASE,
			       &data, sizeof(data));
}

struct group_composition {
	struct vfio_group_feature_composition data;
	uint32_t groups[MAX_GROUPS];
};

static inline int __group_composition(int group, struct group_composition *answer)
{
	memset(answer, 0, sizeof(*answer));
	return __group_feature(group, VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_COMPOSITION,
			       answer, sizeof(*answer));
}

/* True if the modules have these calls at all. */
static inline bool group_has_features(int group)
{
	uint32_t probe[2] = {
		8, VFIO_GROUP_FEATURE_PROBE | VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_COMPOSITION
	};

	return __call(group, VFIO_GROUP_FEATURE, probe) == 0;
}

#endif
