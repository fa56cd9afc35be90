/* workers.c: the real workers behind the pipeline's seam. */
#include "pipeline/pipeline.h"

const struct pipeline_workers pipeline_workers_real = {
	.create = worker_create,
	.destroy = worker_destroy,
	.identity = worker_identity,
	.submit = worker_submit,
	.on_room = worker_on_room,
	.fault = worker_fault,
	.watch = worker_watch,
	.begin = worker_begin,
};
