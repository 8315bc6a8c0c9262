/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After clFinish, all commands have ended (OpenCL 1.2, 5.13).  rusticl, Mesa
 * 22.3.6, does not wait for those that clFlush has sent before.
 */
#include "one-device.h"

int main(void)
{
    const size_t bytes = 64 << 20;
    const cl_int word = 1;
    cl_int status;
    cl_context context;
    cl_command_queue queue;
    cl_event last;
    cl_mem m;

    if (!find_device())
        return 0;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    queue = clCreateCommandQueue(context, device, 0, NULL);
    m = clCreateBuffer(context, 0, bytes, NULL, NULL);
    for (int i = 0; i < 100; i++)
        clEnqueueFillBuffer(queue, m, &word, sizeof word, 0, bytes, 0, NULL,
                            NULL);
    clEnqueueFillBuffer(queue, m, &word, sizeof word, 0, bytes, 0, NULL, &last);
    clFlush(queue);
    clFinish(queue);
    clGetEventInfo(last, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status,
                   &status, NULL);
    return report(status == CL_COMPLETE, "clFinish waits for all commands");
}
