#version 330 core
layout(location = 0) in vec3 position;
layout(location = NORMAL_LOC) in vec3 normal;
layout(location = INST_M_LOC) in mat4 inst_m;

uniform mat4 M;
uniform mat4 V;
uniform mat4 P;

out vec3 frag_position;  // world
out vec3 frag_normal;    // world
out vec3 local_position; // the object's own coordinates, in which patterns are drawn
out vec3 local_normal;

void main()
{
    vec4 world = M * inst_m * vec4(position, 1.0);
    gl_Position = P * V * world;
    frag_position = world.xyz;
    frag_normal = mat3(M) * normal; // scaling is uniform
    local_position = position;
    local_normal = normal;
}
