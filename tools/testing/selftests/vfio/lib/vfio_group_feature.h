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

#define MAX_MEMBERS	32

/* A whole answer, with room for strings. */
struct group_members {
	struct vfio_group_feature head;
	struct vfio_group_feature_members data;
	struct vfio_group_member members[MAX_MEMBERS];
	char strings[4096];
};

static inline int __group_members_sized(int group, struct group_members *answer, uint32_t argsz)
{
	memset(answer, 0, sizeof(*answer));
	answer->head.argsz = argsz;
	answer->head.flags = VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_MEMBERS;
	return __call(group, VFIO_GROUP_FEATURE, answer);
}

static inline int __group_members(int group, struct group_members *answer)
{
	return __group_members_sized(group, answer, sizeof(*answer));
}

/* The text that is @at bytes from the start of an answer. */
static inline const char *member_text(const struct group_members *answer, uint32_t at)
{
	return (const char *)answer + at;
}

/* The member of this name, NULL if there is none. */
static inline const struct vfio_group_member *find_member(const struct group_members *answer,
							  const char *name)
{
	uint32_t i;

	for (i = 0; i < answer->data.count && i < MAX_MEMBERS; i++)
		if (!strcmp(member_text(answer, answer->members[i].name), name))
			return &answer->members[i];
	return NULL;
}

struct group_isolation {
	struct vfio_group_feature_isolation data;
	uint32_t groups[MAX_GROUPS];
};

static inline int __group_isolation(int group, struct group_isolation *answer)
{
	memset(answer, 0, sizeof(*answer));
	return __group_feature(group, VFIO_GROUP_FEATURE_GET | VFIO_GROUP_FEATURE_ISOLATION,
			       answer, sizeof(*answer));
}

/* Whether a group is in the unit that @answer tells of. */
static inline bool in_unit(const struct group_isolation *answer, int group_id)
{
	uint32_t i;

	for (i = 0; i < answer->data.count && i < MAX_GROUPS; i++)
		if (answer->groups[i] == (uint32_t)group_id)
			return true;
	return false;
}

static inline int __group_isolate(int group, struct vfio_group_feature_isolation data)
{
	return __group_feature(group, VFIO_GROUP_FEATURE_SET | VFIO_GROUP_FEATURE_ISOLATION,
			       &data, sizeof(data));
}

static inline int __group_set_option(int group, uint32_t id, uint64_t value)
{
	struct vfio_group_feature_iommu_option data = { .id = id, .value = value };

	return __group_feature(group, VFIO_GROUP_FEATURE_SET | VFIO_GROUP_FEATURE_IOMMU_OPTION,
			       &data, sizeof(data));
}

static inline int __group_event(int group, int eventfd, uint32_t mask)
{
	struct vfio_group_feature_event data = { .eventfd = eventfd, .mask = mask };

	return __group_feature(group, VFIO_GROUP_FEATURE_SET | VFIO_GROUP_FEATURE_EVENT,
			       &data, sizeof(data));
}

/* Whether this is a POWER partition, whose devices and tables are a hypervisor's. */
static inline bool in_partition(void)
{
	return ON_POWER && !access("/proc/device-tree/rtas", F_OK);
}

/* Whether groups can be in one container: a hypervisor gives each of them tables of its own. */
static inline bool groups_share(void)
{
	return !in_partition();
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
