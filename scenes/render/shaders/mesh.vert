#version 330 core
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;

uniform mat4 pose;   // object to world
uniform mat4 camera; // world to picture

out vec3 frag_position;  // world
out vec3 frag_normal;    // world
out vec3 local_position; // the object's own coordinates, in which patterns are drawn
out vec3 local_normal;

void main()
{
    vec4 world = pose * vec4(position, 1.0);
    gl_Position = camera * world;
    frag_position = world.xyz;
    frag_normal = mat3(pose) * normal; // scaling is uniform
    local_position = position;
    local_normal = normal;
}
